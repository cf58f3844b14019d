"""Early stopping as report A writes it, and D8's plateau."""

import math
from dataclasses import dataclass
from typing import Any

from probeline.training.spec import EarlyStopping


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
