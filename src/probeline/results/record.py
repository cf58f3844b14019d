"""A record: typed JSON that names its version."""

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from probeline.pipeline import files
from probeline.pipeline.errors import UserError
from probeline.pipeline.groups import again

SPLITS = ("train", "validation", "test")


class Part(BaseModel):
    """A typed piece of a record. Unknown keys are refused; nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Record(Part):
    """A file of JSON. A number that is not finite is null there, and None here.

    Attributes:
        VERSION: Of the format. It grows when the meaning or the shape of a record changes.
    """

    VERSION: ClassVar[int] = 1

    def save(self, path: Path) -> None:
        """Write it."""
        files.write_json(path, {"version": self.VERSION, **self.model_dump()})

    @classmethod
    def load(cls, path: Path, remedy: str | None = None) -> Self:
        """Read it from `data/results/<stage>/<name>/<file>`, or from another folder.

        Args:
            remedy: Which stage to run, where the folder does not say.

        Raises:
            UserError: It is missing, damaged or of another version; the line says which stage to run.
        """
        remedy = remedy or again(path)
        found = read_json(path, remedy)
        if not isinstance(found, dict) or (version := found.pop("version", None)) is None:
            raise UserError(f"{path}: is missing or damaged; {remedy}")
        if version != cls.VERSION:
            raise UserError(f"{path}: has version {version} of its format, and version {cls.VERSION} is read; {remedy}")
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            raise UserError(f"{path}: is missing or damaged; {remedy}") from error


def read_json(path: Path, remedy: str) -> Any:
    """The content of a JSON file.

    Raises:
        UserError: It is missing or damaged; the line ends in the remedy.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is missing or damaged; {remedy}") from error


def _readable(name: Any) -> Any:
    """A name that every file and figure can hold: half of a surrogate pair, which no text may have, is escaped."""
    return name.encode("utf-8", "backslashreplace").decode() if isinstance(name, str) else name


def _of_all_splits(counts: dict[str, int]) -> dict[str, int]:
    if set(counts) != set(SPLITS):
        raise ValueError(f"has {', '.join(counts)}; needed are {', '.join(SPLITS)}")
    return counts


ClassName = Annotated[str, BeforeValidator(_readable)]
Counts = Annotated[dict[str, int], AfterValidator(_of_all_splits)]  # images by split


class Evaluation(Part):
    """One point of a training's history.

    Attributes:
        step: Minibatches so far.
        epoch: The same in passes over the training images.
        train_loss, train_accuracy: Means over the minibatches since the last point, each before its update; None before
            the first step, and where they are not measured.
        validation_loss, validation_accuracy: Of all validation images.
    """

    step: int
    epoch: float
    train_loss: float | None = None
    train_accuracy: float | None = None
    validation_loss: float | None
    validation_accuracy: float | None
