"""What a sweep is in params.yaml: a run, and what is tried in place of its values."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from operator import attrgetter
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, model_validator

from probeline.pipeline import params
from probeline.training.spec import Run

Fraction = Annotated[float, Field(gt=0, le=1)]
MOST = 1000  # points of a sweep
# What a sweep does not vary: all its points see the same images, and its dependencies name one model and objective.
FIXED = ("report_id", "task", "seeds", "model.name", "objective.name")


@dataclass(frozen=True)
class Point:
    """One setting of a sweep.

    Attributes:
        values: What is special about it, by the dotted key of the run.
        run: The run with these values; it may diverge, which is then its result.
    """

    values: dict[str, Any]
    run: Run


class Sweep(params.Spec):
    """An entry of `sweeps`: a run, repeated for each value. The best point is chosen on validation accuracy.

    Attributes:
        run: As an entry of `train`, seeds included.
        grid: Lists of values in place of the run's own, under the run's keys; all with all:
            `grid: {optimizer: {lr: [0.1, 0.01]}, batch_size: [32, 64]}`. Or
        points: a list of changes, each a point: `points: [{optimizer: {name: adam, lr: 0.001}}, ...]`. One of the two,
            or neither.
        train_fractions: Of the training images; each is a sweep of its own, with a best point of its own. A smaller
            fraction is a part of a larger one; which images they hold depends on the seed.
    """

    run: Run
    grid: dict[str, Any] = {}
    points: Annotated[list[dict[str, Any]], AfterValidator(params.each_once)] = []
    train_fractions: Annotated[list[Fraction], Field(min_length=1), AfterValidator(params.each_once)] = [1.0]

    @model_validator(mode="after")
    def _one_way(self) -> "Sweep":
        if self.grid and self.points:
            raise ValueError("has a grid and points; give one of them")
        if "may_diverge" in self.run.model_fields_set:
            raise ValueError("run.may_diverge: a point that diverges is a result anyway; leave may_diverge out")
        if self.grid:
            _filled(self.grid, "grid")
        for number, point in enumerate(self.points):
            if point:  # {} is the run itself
                _filled(point, f"points.{number}")
        if not (any(_leaves(self.grid)) or any(self.points) or len(self.train_fractions) > 1):
            raise ValueError("varies nothing; give a grid, points, or two train_fractions")
        if not hasattr(self.run.objective, "predict"):
            raise ValueError(f"run: {self.run.objective.name} predicts no classes, and a sweep chooses by accuracy")
        return self

    @model_validator(mode="after")
    def _points_that_can_be(self) -> "Sweep":
        for key, values in _leaves(self.grid):
            if not values:
                raise ValueError(f"grid.{key}: is empty; give at least one value")
            try:
                params.each_once(values)
            except ValueError as error:
                raise ValueError(f"grid.{key}: {error}") from None
        number = len(self.points) or math.prod(len(values) for _, values in _leaves(self.grid))
        if number > MOST:
            raise ValueError(f"has {number} points; a sweep has {MOST} at the most")
        for point in self.all_points():
            for key in FIXED:
                if (value := attrgetter(key))(point.run) != value(self.run):
                    raise ValueError(f"{key} is the same for all points of a sweep; make a second sweep for another")
        return self

    def settings(self) -> Iterator[dict[str, Any]]:
        """The values of every point by dotted key, the last key of a grid changing fastest."""
        if self.points:
            yield from (dict(_scalars(point)) for point in self.points)
            return
        leaves = list(_leaves(self.grid))
        for values in product(*(values for _, values in leaves)):
            yield {key: value for (key, _), value in zip(leaves, values, strict=True)}

    def all_points(self) -> list[Point]:
        """Every point."""
        return [self._point(values) for values in self.settings()]

    def _point(self, values: dict[str, Any]) -> Point:
        data = self.run.model_dump()
        for key, value in values.items():
            *path, last = key.split(".")
            here = data
            for name in path:
                if not isinstance(here.get(name), dict):
                    here[name] = {}
                here = here[name]
            here[last] = value
        data["may_diverge"] = True
        try:
            return Point(values, Run.model_validate(data))
        except ValidationError as error:
            raise ValueError(f"the point {told(values)}: {'; '.join(params.mistakes('', error))}") from None


def short(key: str) -> str:
    """A dotted key in a word: its last part, but that of `optimizer.name` is the optimizer, of `l2.lambda` l2."""
    parent, _, last = key.rpartition(".")
    return parent.rpartition(".")[2] if last in {"name", "lambda"} and parent else last


def told(values: Mapping[str, Any]) -> str:
    """The values of a point in words."""
    words = [
        f"{short(key)} {value:g}" if isinstance(value, float) else f"{short(key)} {value}"
        for key, value in values.items()
    ]
    return ", ".join(words).replace(" None", " null") or "the run itself"


def _filled(changes: Mapping[str, Any], path: str) -> None:
    """Refuse a part of a grid or a point that holds nothing: it would change nothing, without a word."""
    if not changes:
        raise ValueError(f"{path}: is empty; give it a key, or leave it out")
    for key, value in changes.items():
        if isinstance(value, Mapping):
            _filled(value, f"{path}.{key}")


def _leaves(grid: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, list[Any]]]:
    for key, value in grid.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{key}.")
        elif isinstance(value, list):
            yield f"{path}{key}", value
        else:
            raise ValueError(f"grid.{path}{key}: is {value!r}; give a list of values")  # noqa: TRY004


def _scalars(point: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in point.items():
        if isinstance(value, Mapping):
            yield from _scalars(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
