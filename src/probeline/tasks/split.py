"""What a task is in params.yaml, and how its images are drawn."""

from typing import Annotated, Literal
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from probeline.datasets._raw import Raw
from probeline.pipeline.errors import ParamError, unknown
from probeline.pipeline.params import Spec
from probeline.pipeline.types import Seed
from probeline.tasks.task import COPY, Task

Indices = NDArray[np.int64]


def _size(value: object) -> object:
    if value == "rest" or (isinstance(value, float) and 0 < value < 1):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value > 1:
        return value
    raise ValueError(
        f"is {value!r}; give a fraction between 0 and 1, a number of images from 2 up, or rest (all that is left)"
    )


Size = Annotated[float | int | Literal["rest"], BeforeValidator(_size)]


def _classes(value: object) -> object:
    if value == "all" or (isinstance(value, list) and len(value) > 1 and all(isinstance(name, str) for name in value)):
        return value
    raise ValueError(f"is {value!r}; give all, or a list of two or more names (a number in quotes: ['3', '8'])")


Classes = Annotated[Literal["all"] | list[str], BeforeValidator(_classes)]


class Split(Spec):
    """An entry of `tasks`: which images of a dataset are train, validation and test.

    Train and validation are drawn from the dataset's training images. Test is drawn from its test images; where it has
    none, from the training images, before all else (or, as rest, after all else). Validation is drawn before train, and
    a smaller train set is a subset of a larger one.

    Attributes:
        dataset: An entry of `datasets`.
        classes: Names, in the order of the labels; or all.
        pixels: Side of the square images; null keeps the size of a dataset whose images have one size.
        train, validation, test: A number of images, a fraction of the images it is drawn from, or rest (all that is
            left).
        sampling: random; stratified (classes in the proportions of the dataset); balanced (as many of each class).
        resamples: How often train and validation are drawn afresh. A run's seed s uses resample s modulo resamples.
        seed: Of all resamples and of test.
    """

    dataset: str
    classes: Classes = "all"
    pixels: Annotated[int, Field(ge=4, le=1024)] | None = None
    train: Size = "rest"
    validation: Size
    test: Size = "rest"
    sampling: Literal["random", "stratified", "balanced"] = "random"
    resamples: Annotated[int, Field(ge=1, le=1000)] = 1
    seed: Seed = 0

    @model_validator(mode="after")
    def _no_overlap(self) -> "Split":
        if self.sampling == "balanced" and "rest" in {self.train, self.validation}:
            raise ValueError("a balanced draw needs a number for train and for validation; rest is what is left")
        if self.train == self.validation == "rest":
            raise ValueError("train and validation are both rest; give one of them a size")
        fractions = [size for size in (self.train, self.validation) if isinstance(size, float)]
        if sum(fractions) > 1 or (sum(fractions) == 1 and "rest" in (self.train, self.validation)):
            raise ValueError(f"train {self.train} and validation {self.validation} overlap; together they exceed 1")
        if self.classes != "all" and len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes names one twice: {', '.join(self.classes)}; name each once")
        return self


def split(spec: Split, raw: Raw) -> Task:
    """Draw a task from a dataset. The same specification and dataset always give the same task.

    Raises:
        ParamError: An unknown class, or more images asked for than there are.
        UserError: An image cannot be read.
    """
    classes = raw.classes if spec.classes == "all" else tuple(_class(name, spec, raw) for name in spec.classes)
    if len(classes) < 2:
        raise ParamError("", f"'{spec.dataset}' has one class, {classes[0]}", "name a dataset of two or more")
    new_label = {raw.classes.index(name): label for label, name in enumerate(classes)}
    pools = {part: np.flatnonzero(np.isin(labels, list(new_label))) for part, labels in raw.labels.items()}
    drawing = _Drawing(spec, raw)

    source = "test" if "test" in pools else "train"
    left = pools["train"]
    test_is_last = source == "train" and spec.test == "rest"
    if test_is_last and spec.resamples > 1:
        raise ParamError(
            "test",
            f"'{spec.dataset}' has no test images of its own, so that rest would be other images in each of "
            f"{spec.resamples} resamples",
            "give a size",
        )
    if not test_is_last:
        test, remaining = drawing.take(source, pools[source], "test", np.random.default_rng([spec.seed, 0]))
        left = remaining if source == "train" else left
    train, validation = zip(*(drawing.resample(left, number) for number in range(spec.resamples)), strict=True)
    if test_is_last:
        test = np.setdiff1d(left, np.concatenate([*train, *validation]))
        if not len(test):
            raise ParamError("test", f"nothing is left of '{spec.dataset}'", "ask for less train")

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
        digests=_digests(raw, used, source, test),
        train=position(train),
        validation=position(validation),
        test=position(test, source),
    )


def _class(name: str, spec: Split, raw: Raw) -> str:
    """A class by its name, in either form of Unicode: folders from a Mac write accents as characters of their own."""
    same = [known for known in raw.classes if normalize("NFC", known) == normalize("NFC", name)]
    if not same:
        raise ParamError("classes", *unknown(f"class of {spec.dataset}", name, raw.classes).split("; ", 1))
    return name if name in same else same[0]


def _digests(raw: Raw, used: dict[str, Indices], source: str, test: Indices) -> NDArray[np.uint64]:
    """Of the images used; COPY for a test image of which the dataset has another that it does not test on."""
    found = {part: raw.digests(part).copy() for part in used}
    others = found["train"] if source == "test" else np.delete(found["train"], test)
    of_test = found[source][test]
    found[source][test] = np.where(np.isin(of_test, others), COPY, of_test)
    return np.concatenate([found[part][chosen] for part, chosen in used.items()])


class _Drawing:
    def __init__(self, spec: Split, raw: Raw) -> None:
        self.spec, self.raw = spec, raw

    def resample(self, pool: Indices, number: int) -> tuple[Indices, Indices]:
        """Train and validation of one resample."""
        rng = np.random.default_rng([self.spec.seed, 1 + number])
        if self.spec.validation == "rest":
            train, left = self.take("train", pool, "train", rng)
            return train, self.take("train", left, "validation", rng)[0]
        validation, left = self.take("train", pool, "validation", rng)
        train, _ = self.take("train", left, "train", rng, of=len(pool))
        return train, validation

    def take(
        self, part: str, pool: Indices, key: str, rng: np.random.Generator, of: int | None = None
    ) -> tuple[Indices, Indices]:
        """Draw train, validation or test from a pool of images of one part of the dataset.

        Args:
            part: Of the dataset: train or test.
            pool: Its images to draw from, sorted.
            key: Of the specification: train, validation or test.
            rng: Where random numbers come from.
            of: The number of images that a fraction is of; None for all of the pool.

        Returns:
            What was drawn and what is left, both sorted.
        """
        wanted = getattr(self.spec, key)
        if wanted == "rest":
            number = len(pool)
        else:
            number = min(round(wanted * (of or len(pool))), len(pool)) if isinstance(wanted, float) else wanted
        labels = self.raw.labels[part][pool]
        if not number:
            self._refuse(key, wanted, f"none of the {len(pool)} images that are left", "more")
        if number > len(pool):
            self._refuse(key, wanted, f"{number} of the {len(pool)} images that are left")
        order = rng.permutation(len(pool))
        if self.spec.sampling != "random" and wanted != "rest":
            order = order[np.argsort(self._turn(labels[order], key, wanted, number), kind="stable")]
        keep = np.zeros(len(pool), dtype=bool)
        keep[order[:number]] = True
        return pool[keep], pool[~keep]

    def _turn(self, labels: Indices, key: str, wanted: object, number: int) -> NDArray[np.float64]:
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
                key, wanted, f"{number} images in {len(classes)} classes alike", f"a multiple of {len(classes)}"
            )
        if (short := available.min()) < each:
            name = self.raw.classes[int(classes[available.argmin()])]
            self._refuse(key, wanted, f"{each} of the {short} images of class '{name}'")
        return rank

    def _refuse(self, key: str, wanted: object, what: str, remedy: str = "fewer") -> None:
        raise ParamError(key, f"{wanted} asks for {what} in dataset '{self.spec.dataset}'", f"ask for {remedy}")
