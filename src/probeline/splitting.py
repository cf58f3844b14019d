"""What a task is in params.yaml, and how its images are drawn."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from probeline.pipeline.errors import UserError, unknown
from probeline.pipeline.params import Spec
from probeline.raw import Raw
from probeline.task import Task

Indices = NDArray[np.int64]


def _share(value: object) -> object:
    if value == "rest" or (isinstance(value, float) and 0 < value < 1):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value > 1:
        return value
    raise ValueError(
        f"is {value!r}; give a fraction between 0 and 1, a number of images from 2 up, or rest (all that is left)"
    )


Share = Annotated[float | int | Literal["rest"], BeforeValidator(_share)]


def _classes(value: object) -> object:
    if value == "all" or (isinstance(value, list) and len(value) > 1 and all(isinstance(name, str) for name in value)):
        return value
    raise ValueError(f"is {value!r}; give all, or a list of two or more names (a number in quotes: ['3', '8'])")


Classes = Annotated[Literal["all"] | list[str], BeforeValidator(_classes)]


class Split(Spec):
    """An entry of `tasks`: which images of a dataset are train, validation and test.

    Train and validation are drawn from the dataset's training images. Test is drawn from its test images; where it has
    none, from the training images, before all else (or, as rest, after all else). A fraction is of the images it is
    drawn from. Validation is drawn before train, and a smaller train share is a subset of a larger one.

    Attributes:
        classes: Names, in the order of the labels; or all.
        pixels: Side of the square images; null keeps an array dataset's own size.
        sampling: random; stratified (classes in the proportions of the dataset); balanced (as many of each class).
        draws: How often train and validation are drawn afresh. A run's seed s uses draw s modulo draws.
        seed: Of all draws.
    """

    dataset: str
    classes: Classes
    pixels: Annotated[int, Field(ge=4, le=1024)] | None
    train: Share
    validation: Share
    test: Share
    sampling: Literal["random", "stratified", "balanced"]
    draws: Annotated[int, Field(ge=1, le=1000)]
    seed: Annotated[int, Field(ge=0, lt=2**32)]

    @model_validator(mode="after")
    def _no_overlap(self) -> "Split":
        if self.sampling == "balanced" and "rest" in {self.train, self.validation}:
            raise ValueError("a balanced draw needs a number for train and for validation; rest is what is left")
        if self.train == self.validation == "rest":
            raise ValueError("train and validation are both rest; give one of them a size")
        fractions = [share for share in (self.train, self.validation) if isinstance(share, float)]
        if sum(fractions) > 1 or (sum(fractions) == 1 and "rest" in (self.train, self.validation)):
            raise ValueError(f"train {self.train} and validation {self.validation} overlap; together they exceed 1")
        if self.classes != "all" and len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes names one twice: {', '.join(self.classes)}; name each once")
        return self


def split(spec: Split, raw: Raw, where: str) -> Task:
    """Draw a task from a dataset.

    Args:
        where: Key of the task in params.yaml, for messages.

    Raises:
        UserError: An unknown class, or more images asked for than there are.
    """
    classes = raw.classes if spec.classes == "all" else tuple(spec.classes)
    for name in classes:
        if name not in raw.classes:
            raise UserError(f"params.yaml: {where}.classes: {unknown(f'class of {spec.dataset}', name, raw.classes)}")
    if len(classes) < 2:
        raise UserError(
            f"params.yaml: {where}: '{spec.dataset}' has one class, {classes[0]}; there is nothing to tell apart"
        )
    new_label = {raw.classes.index(name): label for label, name in enumerate(classes)}
    pools = {part: np.flatnonzero(np.isin(labels, list(new_label))) for part, labels in raw.labels.items()}
    drawing = _Drawing(spec, raw, where)

    source = "test" if "test" in pools else "train"
    left = pools["train"]
    test_is_last = source == "train" and spec.test == "rest"
    if test_is_last and spec.draws > 1:
        raise UserError(
            f"params.yaml: {where}.test: '{spec.dataset}' has no test images of its own, so that rest would be other "
            f"images in each of {spec.draws} draws; give a size"
        )
    if not test_is_last:
        test, remaining = drawing.take(source, pools[source], "test", np.random.default_rng([spec.seed, 0]))
        left = remaining if source == "train" else left
    train, validation = zip(*(drawing.draw(left, number) for number in range(spec.draws)), strict=True)
    if test_is_last:
        test = np.setdiff1d(left, np.concatenate([*train, *validation]))
        if not len(test):
            raise UserError(f"params.yaml: {where}.test: nothing is left of '{spec.dataset}'; ask for less train")

    used = {"train": np.unique(np.concatenate([*train, *validation]))}
    if source == "test":
        used["test"] = test
    else:
        used["train"] = np.union1d(used["train"], test)
    labels = np.concatenate([raw.labels[part][chosen] for part, chosen in used.items()])
    first = {"train": 0, "test": len(raw.labels["train"])}
    images = [raw.images(part, chosen, spec.pixels) for part, chosen in used.items()]

    def position(chosen: Indices | tuple[Indices, ...], part: str = "train") -> Indices:
        start = 0 if part == "train" else len(used["train"])
        return np.searchsorted(used[part], np.stack(chosen) if isinstance(chosen, tuple) else chosen) + start

    return Task(
        dataset=spec.dataset,
        classes=classes,
        images=np.concatenate(images),
        labels=np.vectorize(new_label.__getitem__, otypes=[np.int64])(labels),
        origin=np.concatenate([chosen + first[part] for part, chosen in used.items()]),
        train=position(train),
        validation=position(validation),
        test=position(test, source),
    )


class _Drawing:
    def __init__(self, spec: Split, raw: Raw, where: str) -> None:
        self.spec, self.raw, self.where = spec, raw, where

    def draw(self, pool: Indices, number: int) -> tuple[Indices, Indices]:
        """Train and validation of one draw."""
        rng = np.random.default_rng([self.spec.seed, 1 + number])
        if self.spec.validation == "rest":
            train, left = self.take("train", pool, "train", rng)
            return train, self.take("train", left, "validation", rng)[0]
        validation, left = self.take("train", pool, "validation", rng)
        train, _ = self.take("train", left, "train", rng, of=len(pool))
        return train, validation

    def take(
        self, part: str, pool: Indices, share: str, rng: np.random.Generator, of: int | None = None
    ) -> tuple[Indices, Indices]:
        """Draw one share from a pool. Returns what was drawn and what is left, both sorted."""
        wanted = getattr(self.spec, share)
        if wanted == "rest":
            number = len(pool)
        else:
            number = min(round(wanted * (of or len(pool))), len(pool)) if isinstance(wanted, float) else wanted
        labels = self.raw.labels[part][pool]
        if not number:
            self._refuse(share, wanted, f"none of the {len(pool)} images that are left", "more")
        if number > len(pool):
            self._refuse(share, wanted, f"{number} of the {len(pool)} images that are left")
        order = rng.permutation(len(pool))
        if self.spec.sampling != "random" and wanted != "rest":
            order = order[np.argsort(self._turn(labels[order], share, wanted, number), kind="stable")]
        keep = np.zeros(len(pool), dtype=bool)
        keep[order[:number]] = True
        return pool[keep], pool[~keep]

    def _turn(self, labels: Indices, share: str, wanted: object, number: int) -> NDArray[np.float64]:
        """When each image is drawn, so that every beginning of that order is a sample of the kind that is asked for."""
        classes, place, available = np.unique(labels, return_inverse=True, return_counts=True)
        rank = np.empty(len(labels))
        for index in range(len(classes)):
            rank[place == index] = np.arange(available[index])
        if self.spec.sampling == "stratified":
            # The k-th of n images of a class comes at (k + 1/2) / n: Webster's apportionment, which is monotone.
            return np.asarray((rank + 0.5) / available[place])
        each, over = divmod(number, len(classes))
        if over:
            self._refuse(
                share, wanted, f"{number} images in {len(classes)} classes alike", f"a multiple of {len(classes)}"
            )
        if (short := available.min()) < each:
            name = self.raw.classes[int(classes[available.argmin()])]
            self._refuse(share, wanted, f"{each} of the {short} images of class '{name}'")
        return rank

    def _refuse(self, share: str, wanted: object, what: str, remedy: str = "fewer") -> None:
        dataset = self.spec.dataset
        raise UserError(
            f"params.yaml: {self.where}.{share}: {wanted} asks for {what} in dataset '{dataset}'; ask for {remedy}"
        )
