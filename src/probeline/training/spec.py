"""What a run is in params.yaml."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from probeline.pipeline.params import Spec, part

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
    """

    strength: NotNegative
    form: Literal["sum", "half", "per_image"]


class EarlyStopping(Spec):
    """Keep the best validation value; stop when it has not improved often enough (report A).

    Each evaluation without improvement adds one to a counter, an improvement resets it; the run stops when the counter
    reaches the patience. With a threshold the counting starts once the value is past it: patience 0 then stops there.

    Attributes:
        metric: The validation value that is watched.
        patience: Evaluations; null never stops, and keeps the best weights all the same.
        threshold: Of the watched value.
        minimum: No stop before this many epochs or steps, in the unit of the run's length.
    """

    metric: Literal["loss", "accuracy"]
    patience: Annotated[int, Field(ge=0)] | None
    threshold: float | None = None
    minimum: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _can_start(self) -> "EarlyStopping":
        if self.patience == 0 and self.threshold is None:
            raise ValueError("patience 0 stops at the first evaluation; give a threshold too, or a patience from 1 up")
        return self


class Normalise(Spec):
    """Pixels in [0, 1] become (x - mean) / std; one value for all channels, or one a channel."""

    mean: Annotated[list[Annotated[float, Field(ge=-1e6, le=1e6)]], Field(min_length=1)]
    std: Annotated[list[Annotated[float, Field(ge=1e-6, le=1e6)]], Field(min_length=1)]


class Run(Spec):
    """An entry of `train`: one training of one model on one task, over one or more seeds.

    Attributes:
        experiment: Ids of docs/experiments.md.
        seeds: Of the initial weights and the order of the data, one training each.
        epochs: Length in passes over the training images; or
        steps: length in minibatches. One of the two.
        evaluate_every: Epochs or steps, in the unit of the length.
        clip_norm: Largest 2-norm of the whole gradient.
        early_stopping: Without it, the weights after the last step are kept; with it, the best.
        may_diverge: A loss that is not finite is a result, not a failure.
    """

    experiment: str
    task: str
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**32)]], Field(min_length=1)]
    model: part("models")  # type: ignore[valid-type]
    objective: part("objectives")  # type: ignore[valid-type]
    optimizer: Optimizer
    batch_size: Count
    epochs: Count | None = None
    steps: Count | None = None
    evaluate_every: Annotated[int, Field(ge=1, le=10**6)]
    normalise: Normalise | None = None
    l2: L2 | None = None
    clip_norm: Positive | None = None
    early_stopping: EarlyStopping | None = None
    may_diverge: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> "Run":
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("needs either epochs or steps; set one and leave the other out (or null)")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds names one twice; name each once")
        return self
