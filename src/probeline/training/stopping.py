"""Early stopping as report A writes it, and D8's plateau."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from probeline.pipeline.params import Spec
from probeline.pipeline.types import Positive


class Plateau(Spec):
    """Stop where two successive values hardly differ (D8).

    Attributes:
        after: Epochs or steps that come first, in the unit of the run's length.
        difference: Stop where the watched value changes by less.
    """

    after: Annotated[int, Field(ge=0)]
    difference: Positive


class EarlyStopping(Spec):
    """Keep the best validation value; stop when it has not improved often enough (report A).

    Each evaluation without improvement adds one to a counter, an improvement resets it; the run stops when the counter
    reaches the patience. With a threshold the counting starts once the value is past it: patience 0 then stops there.

    Attributes:
        metric: The validation value that is watched.
        patience: Evaluations; left out, it never stops, and the best weights are kept all the same.
        threshold: Of the watched value.
        minimum: No stop before this many epochs or steps, in the unit of the run's length.
        plateau: A second reason to stop.
    """

    metric: Literal["loss", "accuracy"]
    patience: Annotated[int, Field(ge=0)] | None = None
    threshold: float | None = None
    minimum: Annotated[int, Field(ge=0)] = 0
    plateau: Plateau | None = None

    @model_validator(mode="after")
    def _can_start(self) -> "EarlyStopping":
        if self.patience == 0 and self.threshold is None:
            raise ValueError("patience 0 stops at the first evaluation; give a threshold too, or a patience from 1 up")
        if self.patience is None:
            if self.threshold is not None:
                raise ValueError(
                    "threshold starts the count of a patience, and there is none; give one, or leave it out"
                )
            if self.minimum and self.plateau is None:
                raise ValueError("minimum delays a stop, and nothing stops here; give a patience, or leave minimum out")
        if self.metric == "accuracy" and self.threshold is not None and not 0 <= self.threshold < 1:
            raise ValueError(f"threshold {self.threshold} is no accuracy; give a fraction from 0 to 1")
        return self


@dataclass
class Stopper:
    """Follows the validation value of one training.

    Attributes:
        unit: Steps of the unit in which the run's length is given.
        value, previous: The last value and the one before, nan before the first.
        best: The best value so far, nan before the first.
        counter: Evaluations without improvement since it was reset.
        counting: Whether the threshold has been passed.
    """

    spec: EarlyStopping
    unit: int = 1
    value: float = math.nan
    previous: float = math.nan
    best: float = math.nan
    counter: int = 0
    counting: bool = False

    def update(self, value: float) -> bool:
        """Take a new value, and tell whether it is the best so far."""
        self.previous, self.value = self.value, value
        if self.spec.threshold is None or self._better(value, self.spec.threshold):
            self.counting = True
        if not math.isnan(value) and (math.isnan(self.best) or self._better(value, self.best)):
            self.best, self.counter = value, 0
            return True
        self.counter += self.counting
        return False

    def stop(self, step: int) -> bool:
        """Whether the training ends after this step: the patience is used up, or the value has come to a plateau."""
        if step < self.spec.minimum * self.unit:
            return False
        if self.spec.patience is not None and self.counting and self.counter >= self.spec.patience:
            return True
        plateau = self.spec.plateau
        return (
            plateau is not None
            and step > plateau.after * self.unit
            and abs(self.value - self.previous) < plateau.difference
        )

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold."""
        return {name: getattr(self, name) for name in ("value", "previous", "best", "counter", "counting")}

    def _better(self, value: float, than: float) -> bool:
        return value < than if self.spec.metric == "loss" else value > than
