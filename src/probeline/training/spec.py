"""What a run is in params.yaml."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from probeline.compute.view import Normalize, View
from probeline.pipeline.params import Spec, part
from probeline.pipeline.types import Count, Positive, ReportId, Seeds
from probeline.training.optimizer import Optimizer
from probeline.training.penalty import L2
from probeline.training.stopping import EarlyStopping

PAIRED = 3  # images of which an embedding can be judged: two of a class and one of another


class Recipe(Spec):
    """How a network is trained, whatever its data: the part of a run that `fit` reads.

    Attributes:
        epochs: Length in passes over the training images; or
        steps: length in minibatches. One of the two.
        evaluate_every: Epochs or steps, in the unit of the length.
        evaluate_start: Score the validation images before the first step too; with early stopping, the weights that a
            training starts from may then be the best.
        clip_norm: Largest 2-norm of the whole gradient.
        early_stopping: Without it, the weights after the last step are kept; with it, the best.
        freeze_batch_norm: Normalize by the running statistics of batch norm in training too, and leave them as they
            are; for weights that were trained before. Else a minibatch is normalized by its own, and the running ones
            follow.
        precision: bfloat16 computes the network's products in 16 bits (autocast), in training and in scores; weights
            and loss stay float32.
        compile: Let torch.compile make code for the network: a slow first step, faster ones after it.
        may_diverge: A loss that is not finite is a result, not a failure.
    """

    objective: part("objectives")  # type: ignore[valid-type]
    optimizer: Optimizer
    batch_size: Count
    epochs: Count | None = None
    steps: Count | None = None
    evaluate_every: Annotated[int, Field(ge=1, le=10**6)] = 1
    evaluate_start: bool = False
    l2: L2 | None = None
    clip_norm: Positive | None = None
    early_stopping: EarlyStopping | None = None
    freeze_batch_norm: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    may_diverge: bool = False

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("needs either epochs or steps; set one and leave the other out (or null)")
        return self

    @model_validator(mode="after")
    def _watches_what_there_is(self) -> Self:
        stopping = self.early_stopping
        if stopping is not None and stopping.metric == "accuracy" and not hasattr(self.objective, "predict"):
            raise ValueError(f"{self.objective.name} predicts no classes; let early_stopping.metric be loss")
        return self

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if not hasattr(self.objective, "predict") and self.batch_size < PAIRED:
            raise ValueError(
                f"batch_size: {self.batch_size} is too few for {self.objective.name}, which compares an image with one "
                f"of its class and one of another; give {PAIRED} or more"
            )
        return self

    def recipe(self) -> "Recipe":
        """The part of an entry that `fit` reads."""
        return Recipe.model_construct(**{key: getattr(self, key) for key in Recipe.model_fields})


class Images(Spec):
    """How images reach a network.

    Attributes:
        augment: What is done to each training image, with fresh random values each time, in this order, before
            `normalize`. A `{name: normalize}` among them says that the normalization comes there instead.
        channels_last: Keep the channels of a pixel together in memory, which convolutions may like better.
    """

    normalize: Normalize | None = None
    augment: list[part("augmentations")] = []  # type: ignore[valid-type]
    channels_last: bool = False

    @model_validator(mode="after")
    def _normalized_once(self) -> Self:
        marks = sum(step.name == "normalize" for step in self.augment)
        if marks > 1 or (marks and self.normalize is None):
            raise ValueError("augment has {name: normalize}, which needs the key normalize, and stands there once")
        return self

    def view(self) -> View:
        """The same for the engine."""
        return View(self.normalize, None, self.augment, self.channels_last)


class Run(Recipe, Images):
    """An entry of `train`: one training of one model on one task, over one or more seeds.

    Attributes:
        report_id: An id of docs/experiments.md. Runs with the same one on one task are drawn side by side.
        seeds: Of the initial weights and the order of the data, one training each. Seed s is trained on resample s
            modulo the task's resamples.
    """

    report_id: ReportId
    task: str
    seeds: Seeds = [0]
    model: part("models")  # type: ignore[valid-type]
