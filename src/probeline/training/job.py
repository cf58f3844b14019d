"""A run as the training needs it, whichever section of params.yaml it stands in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from probeline.compute.view import View
from probeline.models import _contract
from probeline.pipeline.errors import ParamError
from probeline.tasks.task import Task
from probeline.training.spec import Recipe, Run
from probeline.training.start import Fresh, Start


@dataclass(frozen=True)
class Job:
    """One model, trained on one task, over one or more seeds.

    Attributes:
        task: The name of the task.
        model: The specification of the network.
        recipe: How it is trained.
        view: How images reach it.
        start: How its networks begin.
    """

    report_id: str
    task: str
    seeds: Sequence[int]
    model: Any
    recipe: Recipe
    view: View
    start: Start

    @classmethod
    def of(cls, run: Run, start: Start | None = None) -> "Job":
        """The job of an entry of `train` or `transfer`."""
        return cls(run.report_id, run.task, run.seeds, run.model, run.recipe(), run.view(), start or Fresh())

    def build(self, task: Task) -> nn.Module:
        """The network for a task, with initial weights from PyTorch's global random state.

        Raises:
            ParamError: The objective or the model does not fit the task.
        """
        try:
            outputs = self.recipe.objective.outputs(len(task.classes))
            model = _contract.build(self.model, self.view.shape(task), outputs)
        except ValueError as error:
            raise ParamError.of("", error) from None
        if not any(True for _ in model.parameters()):
            raise ParamError("model", f"{self.model.name} has no layer to train", "name another model")
        return model
