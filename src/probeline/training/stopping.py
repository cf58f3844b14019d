"""Early stopping as report A writes it."""

import math
from dataclasses import dataclass

from probeline.training.spec import EarlyStopping


@dataclass
class Stopper:
    """Follows the validation value of one training.

    Attributes:
        best: The best value so far, nan before the first.
        counter: Evaluations without improvement since it was reset.
        counting: Whether the threshold has been passed.
    """

    spec: EarlyStopping
    best: float = math.nan
    counter: int = 0
    counting: bool = False

    def update(self, value: float) -> bool:
        """Take a new value, and tell whether it is the best so far."""
        if self.spec.threshold is None or self._better(value, self.spec.threshold):
            self.counting = True
        if not math.isnan(value) and (math.isnan(self.best) or self._better(value, self.best)):
            self.best, self.counter = value, 0
            return True
        self.counter += self.counting
        return False

    @property
    def stop(self) -> bool:
        """Whether the patience is used up."""
        return self.spec.patience is not None and self.counting and self.counter >= self.spec.patience

    def _better(self, value: float, than: float) -> bool:
        return value < than if self.spec.metric == "loss" else value > than
