"""What a run is in params.yaml."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from probeline.pipeline.params import Spec, each_once, part

# No number that PyTorch could not hold as float32 or int32.
Positive = Annotated[float, Field(gt=0, le=3e38)]
NotNegative = Annotated[float, Field(ge=0, le=3e38)]
Count = Annotated[int, Field(ge=1, lt=2**31)]


class Optimizer(Spec):
    """An optimiser of torch.optim. `weight_decay` adds weight_decay * w to the gradient of every parameter."""

    name: Literal["sgd", "adam", "rmsprop", "adagrad"]
    lr: Positive
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: NotNegative = 0.0

    @model_validator(mode="after")
    def _momentum(self) -> "Optimizer":
        if self.momentum and self.name not in {"sgd", "rmsprop"}:
            raise ValueError(f"{self.name} takes no momentum; leave it out")
        return self


class L2(Spec):
    """A penalty on the squared weights, biases left out, added to the loss that is minimised.

    Attributes:
        form: sum is strength * sum(w^2); half is strength / 2 * sum(w^2); per_image is strength / N * sum(w^2) for N
            training images (report E).
        on: all weights that train, or the last layer's alone (report E).
    """

    strength: NotNegative
    form: Literal["sum", "half", "per_image"]
    on: Literal["all", "last"] = "all"

    def factor(self, images: int) -> float:
        """The gradient of the penalty is this times the weights."""
        return self.strength * {"sum": 2.0, "half": 1.0, "per_image": 2.0 / images}[self.form]


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
        patience: Evaluations; null never stops, and keeps the best weights all the same.
        threshold: Of the watched value.
        minimum: No stop before this many epochs or steps, in the unit of the run's length.
        plateau: A second reason to stop.
    """

    metric: Literal["loss", "accuracy"]
    patience: Annotated[int, Field(ge=0)] | None
    threshold: float | None = None
    minimum: Annotated[int, Field(ge=0)] = 0
    plateau: Plateau | None = None

    @model_validator(mode="after")
    def _can_start(self) -> "EarlyStopping":
        if self.patience == 0 and self.threshold is None:
            raise ValueError("patience 0 stops at the first evaluation; give a threshold too, or a patience from 1 up")
        if self.metric == "accuracy" and self.threshold is not None and not 0 <= self.threshold < 1:
            raise ValueError(f"threshold {self.threshold} is no accuracy; give a fraction from 0 to 1")
        return self


class Normalise(Spec):
    """Pixels in [0, 1] become (x - mean) / std; one value for all channels, or one a channel."""

    mean: Annotated[list[Annotated[float, Field(ge=-1e6, le=1e6)]], Field(min_length=1)]
    std: Annotated[list[Annotated[float, Field(ge=1e-6, le=1e6)]], Field(min_length=1)]


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
        running_statistics: Of batch norm. updated: a minibatch is normalised by its own, and the running ones follow.
            kept: by the running ones, in training too, and they stay; for weights that were trained before.
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
    evaluate_every: Annotated[int, Field(ge=1, le=10**6)]
    evaluate_start: bool = False
    l2: L2 | None = None
    clip_norm: Positive | None = None
    early_stopping: EarlyStopping | None = None
    running_statistics: Literal["updated", "kept"] = "updated"
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


class Images(Spec):
    """How images reach a network.

    Attributes:
        augment: What is done to each training image, with a fresh draw each time, in this order, before `normalise`.
            A `{name: normalise}` among them says that the normalisation comes there instead.
        channels_last: Keep the channels of a pixel together in memory, which convolutions may like better.
    """

    normalise: Normalise | None = None
    augment: list[part("augmentations")] = []  # type: ignore[valid-type]
    channels_last: bool = False

    @model_validator(mode="after")
    def _normalised_once(self) -> Self:
        marks = sum(step.name == "normalise" for step in self.augment)
        if marks > 1 or (marks and self.normalise is None):
            raise ValueError("augment has {name: normalise}, which needs the key normalise, and stands there once")
        return self


def _experiment(value: str) -> str:
    if not re.fullmatch("[A-Za-z0-9]+(-[A-Za-z0-9]+)*", value):
        raise ValueError(f"is {value!r} and goes into the name of a file; use letters, digits and single hyphens: A2")
    return value


Experiment = Annotated[str, AfterValidator(_experiment)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(each_once)]


class Run(Recipe, Images):
    """An entry of `train`: one training of one model on one task, over one or more seeds.

    Attributes:
        experiment: An id of docs/experiments.md. Runs of one experiment on one task are drawn side by side.
        seeds: Of the initial weights and the order of the data, one training each.
    """

    experiment: Experiment
    task: str
    seeds: Seeds
    model: part("models")  # type: ignore[valid-type]


def _trainable(value: object) -> object:
    last = value.get("last") if isinstance(value, Mapping) and len(value) == 1 else None
    if value in ("all", "head") or (isinstance(last, int) and not isinstance(last, bool) and last > 0):
        return value
    raise ValueError(f"is {value!r}; give all, head, or a number of layers from the end: {{last: 3}}")


Trainable = Annotated[Literal["all", "head"] | dict[Literal["last"], int], BeforeValidator(_trainable)]


class Transfer(Run):
    """An entry of `transfer`: a run that starts from the weights of another.

    Every layer of the model is named in `load` or `new`, by its name or by that of a part it belongs to; where both
    name it, the longer name counts. `plots/layers/<run>.txt` shows the layers of a run by name.

    Attributes:
        source: An entry of `train`, `transfer`, `finetune` or `backbones`. Each seed starts from what the same seed of
            the source kept, so that both see the same draw of a task.
        load: Layers that start with the weights that the source kept.
        new: Layers that start with fresh weights.
        trainable: What trains: all, the head alone, or so many layers that have parameters, from the end. The rest
            stays as it was loaded, the running statistics of batch norm too.
    """

    source: str
    load: Annotated[list[str], Field(min_length=1)]
    new: list[str]
    trainable: Trainable

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if both := sorted(set(self.load) & set(self.new)):
            raise ValueError(f"{', '.join(both)} is in load and in new; name a layer in one of them")
        return self
