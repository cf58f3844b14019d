"""What an entry of `lessons` in params.yaml holds."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from probeline.pipeline.params import Spec, each_once
from probeline.pipeline.types import Count, NotNegative, Positive, Seed, Seeds
from probeline.training.penalty import L2
from probeline.training.stopping import EarlyStopping


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError(f"{value} has no center; give an odd number of pixels")
    return value


def _defined(point: list[float]) -> list[float]:
    if len(point) != 3 or abs(point[2]) < 0.001:
        raise ValueError(
            f"{point} is no point (x, y, z); f divides by tanh(z^2): give three numbers, z 0.001 from 0 or more"
        )
    return point


def _run_name(name: str) -> str:
    if not re.fullmatch("[a-z0-9-]+", name) or name == "d5":
        raise ValueError(f"{name!r} names a file; use small letters, digits and hyphens, and not d5, which is taken")
    return name


Odd = Annotated[int, Field(ge=1, le=15), AfterValidator(_odd)]
Point = Annotated[list[Annotated[float, Field(ge=-1e6, le=1e6)]], AfterValidator(_defined)]


class Tasks(Spec):
    """Entries of `tasks`, of which the first resample counts.

    Attributes:
        mlp: For D5, D8 to D10 and D12.
        convolution: For D13 and D14.
    """

    mlp: str
    convolution: str


class Library(Spec):
    """D5: scikit-learn's LogisticRegression on the task `mlp`, with its own defaults: the report states no settings."""

    c: Positive
    iterations: Count


class Scalars(Spec):
    """D7: the points [x, y, z] at which f and its gradient are computed."""

    points: Annotated[list[Point], Field(min_length=1)]


class MlpRun(Spec):
    """One training of D8 to D10: at most `epochs`, with the penalty and the early stopping of any run.

    The report does not state the form of the L2 term, nor how small a change "hardly differs" means. Both are set here.
    """

    lr: Positive
    batch_size: Count
    epochs: Annotated[int, Field(ge=1, le=10**6)]
    l2: L2
    early_stopping: EarlyStopping

    @model_validator(mode="after")
    def _by_hand(self) -> "MlpRun":
        if self.l2.layers != "all":
            raise ValueError("l2.layers: the lessons penalize all weights; let it be all, or leave it out")
        if self.early_stopping.metric != "loss":
            raise ValueError("early_stopping.metric: the lessons watch the validation loss; let it be loss")
        return self


class Mlp(Spec):
    """D8 to D10: a network with one hidden layer of ReLU units.

    Attributes:
        hidden: Units of the hidden layer.
        seed: Of the initial weights and the order of the images.
        runs: By name.
    """

    hidden: Annotated[int, Field(ge=1, le=2**16)]
    seed: Seed
    runs: Annotated[dict[Annotated[str, AfterValidator(_run_name)], MlpRun], Field(min_length=1)]


class Blur(Spec):
    """D12: a Gaussian kernel over the first training images of the task `mlp`.

    The report does not state how its five output channels differ, nor the padding. Here all channels have the same
    kernel, and zeros around an image keep its size. Of a color image, the mean of its channels is blurred.

    Attributes:
        images: How many.
        channels: Of the output.
        kernel_size: Side of the kernel in pixels, odd.
        sigma: Standard deviation in pixels.
    """

    images: Annotated[int, Field(ge=1, le=20)]
    channels: Annotated[int, Field(ge=1, le=10)]
    kernel_size: Odd
    sigma: Annotated[float, Field(ge=0.01, le=100)]


class Matching(Spec):
    """D13 and D14: a convolution layer is trained to give the output of a second, fixed layer.

    The report states lr, L2, batch size and epochs, and U[-1, 1] for the weights (used here for the biases too, and for
    both layers). It does not state the rest. Where its numbers give a hint, the choice here follows them:

    - The layer: that of D12, 5 output channels of 5x5, with zeros around an image that keep its size.
    - The images: the first 100, as in D14, for D13 too. The reported loss grows by 2.0e30 to 2.9e30 per epoch. That it
      varies suggests a new order in every epoch. That it varies so little suggests few steps per epoch.
    - The reported loss: the L2 norm of the difference, not its square. It is 4.3e151 and then at once infinite, as the
      root of a sum of squares above 1.8e308 is. It is nan at epoch 10, where at that growth the weights pass 1.8e308.
    - D13: pixels from 0 to 255. The minimized loss is the mean over an image's outputs, summed over the minibatch. It
      grows by 3e29 to 7e29 per epoch. A mean over the minibatch too grows by 1e12, and the sum of everything by 1e122.
      With pixels from 0 to 1 this layer does not explode.
    - D14: pixels from 0 to 1, and the sum over an image's outputs, so that there is something to clip. The norms are
      then 0.5 to 0.6 of the reported ones. With pixels from 0 to 255 they are a hundred times the reported ones.

    Attributes:
        images: How many: the first training images of the task `convolution`.
        largest_pixel: Pixels are scaled to lie between 0 and this.
        channels: Of the output.
        kernel_size: Side of the kernels in pixels, odd.
        outputs: sum or mean of the squared differences over an image's outputs. Over the images it is always a sum.
        l2: lambda; the penalty is lambda * sum(w^2) over the weights, without biases.
        clip: Every element of the gradient is clipped to [-clip, clip]; null does not clip.
        batch_sizes, seeds: One training for each batch size and each seed of weights and order.
    """

    images: Annotated[int, Field(ge=1, le=10**4)]
    largest_pixel: Positive
    channels: Annotated[int, Field(ge=1, le=64)]
    kernel_size: Odd
    outputs: Literal["sum", "mean"]
    lr: Positive
    l2: NotNegative
    clip: Positive | None = None
    batch_sizes: Annotated[list[Count], Field(min_length=1), AfterValidator(each_once)]
    epochs: Annotated[int, Field(ge=1, le=10**4)]
    seeds: Seeds


class Lessons(Spec):
    """An entry of `lessons`: the from-scratch work of report D."""

    tasks: Tasks
    d5: Library
    d7: Scalars
    mlp: Mlp
    d12: Blur
    d13: Matching
    d14: Matching
