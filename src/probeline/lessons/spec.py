"""What the section `lessons` of params.yaml holds."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from probeline.pipeline.params import Spec, each_once
from probeline.training.spec import L2, Count, EarlyStopping, NotNegative, Positive, Seed, Seeds


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError(f"{value} has no centre; give an odd number of pixels")
    return value


def _defined(point: list[float]) -> list[float]:
    if len(point) != 3 or abs(point[2]) < 0.001:
        raise ValueError(
            f"{point} is no point (x, y, z); f divides by tanh(z^2): give three numbers, z 0.001 from 0 or more"
        )
    return point


Odd = Annotated[int, Field(ge=1, le=15), AfterValidator(_odd)]
Point = Annotated[list[Annotated[float, Field(ge=-1e6, le=1e6)]], AfterValidator(_defined)]


class Tasks(Spec):
    """Entries of `tasks`: `mlp` for D5, D8 to D10 and D12, `convolution` for D13 and D14. Of each the first draw."""

    mlp: str
    convolution: str


class Library(Spec):
    """D5: scikit-learn's LogisticRegression on the task `mlp`; its own defaults, since the report states none."""

    c: Positive
    iterations: Count


class Scalars(Spec):
    """D7: the points [x, y, z] at which f and its gradient are computed."""

    points: Annotated[list[Point], Field(min_length=1)]


class MlpRun(Spec):
    """One training of D8 to D10: `epochs` at most, and the early stopping and penalty of training/spec.py.

    The report does not state the form of the L2 term, nor how small a change is that "hardly differs"; both are here.
    """

    lr: Positive
    batch_size: Count
    epochs: Annotated[int, Field(ge=1, le=10**6)]
    l2: L2
    early_stopping: EarlyStopping

    @model_validator(mode="after")
    def _by_hand(self) -> "MlpRun":
        if self.l2.on != "all":
            raise ValueError("l2.on: the lessons penalise all weights; let it be all, or leave it out")
        if self.early_stopping.metric != "loss":
            raise ValueError("early_stopping.metric: the lessons watch the validation loss; let it be loss")
        return self


class Mlp(Spec):
    """D8 to D10: one hidden layer with ReLU. `seed` is that of the initial weights and of the order of the data."""

    hidden: Annotated[int, Field(ge=1, le=2**16)]
    seed: Seed
    runs: Annotated[dict[str, MlpRun], Field(min_length=1)]


class Blur(Spec):
    """D12: a Gaussian kernel (side `kernel`, odd) over the first training images of the task `mlp`.

    The report does not state how its five output channels differ, nor the padding. Here all hold the same kernel, and
    zeros round an image keep its size. An image in colour is blurred as the mean of its channels.
    """

    images: Annotated[int, Field(ge=1, le=20)]
    channels: Annotated[int, Field(ge=1, le=10)]
    kernel: Odd
    sigma: Annotated[float, Field(ge=0.01, le=100)]


class Matching(Spec):
    """D13 and D14: a convolution layer is trained to give the output of a second, fixed one.

    The report states lr, L2, batch and epochs, and U[-1, 1] for the weights (here: for the biases too, and for both
    layers). The rest is chosen here, where its numbers tell something, by them:

    - The layer: D12's, 5 output channels of 5x5, with zeros round an image that keep its size.
    - The images: D14's first 100, for D13 too. The reported loss grows by 2.0e30 to 2.9e30 an epoch. That it varies
      means a new order every epoch; that it varies so little means few steps an epoch.
    - The reported loss: the L2 norm of the difference, not its square. It is 4.3e151 and then at once infinite, as the
      root of a sum of squares above 1.8e308 is; and nan at epoch 10, where at that growth the weights pass 1.8e308.
    - D13: pixels from 0 to 255, and the loss that is minimised is the mean over an image's outputs, summed over the
      minibatch. That grows by 3e29 to 7e29 an epoch; a mean over the minibatch too by 1e12, the sum of all by 1e122.
      With pixels from 0 to 1 this layer does not explode.
    - D14: pixels from 0 to 1, and the sum over an image's outputs, so that there is something to clip. The norms are
      half to six tenths of the reported ones there, and a hundred times them with pixels from 0 to 255.

    Attributes:
        images: The first so many training images of the task `convolution`.
        largest_pixel: Pixels are from 0 to this.
        outputs: sum or mean of the squared differences over an image's outputs; a sum over the images either way.
        l2: Strength; the penalty is strength * sum(w^2) over the weights, without biases.
        clip: Every element of the gradient is clipped to [-clip, clip]; null does not clip.
        seeds: Of weights and order, one training each.
    """

    images: Annotated[int, Field(ge=1, le=10**4)]
    largest_pixel: Positive
    channels: Annotated[int, Field(ge=1, le=64)]
    kernel: Odd
    outputs: Literal["sum", "mean"]
    lr: Positive
    l2: NotNegative
    clip: Positive | None
    batch_sizes: Annotated[list[Count], Field(min_length=1), AfterValidator(each_once)]
    epochs: Annotated[int, Field(ge=1, le=10**4)]
    seeds: Seeds


class Lessons(Spec):
    """The section `lessons`: the from-scratch work of report D."""

    tasks: Tasks
    d5: Library
    d7: Scalars
    mlp: Mlp
    d12: Blur
    d13: Matching
    d14: Matching
