"""The penalty on the squared weights."""

from typing import Literal

from pydantic import ConfigDict, Field

from probeline.pipeline.params import Spec
from probeline.pipeline.types import NotNegative


class L2(Spec):
    """A penalty on the squared weights, biases left out, added to the loss that is minimized.

    Attributes:
        lambda_: Its weight; the key is `lambda`.
        form: sum is lambda * sum(w^2); half is lambda / 2 * sum(w^2); per_image is lambda / N * sum(w^2) for N training
            images.
        layers: all weights that train, or the last layer's alone (report E).
    """

    model_config = ConfigDict(serialize_by_alias=True)

    lambda_: NotNegative = Field(alias="lambda")
    form: Literal["sum", "half", "per_image"]
    layers: Literal["all", "last"] = "all"

    def factor(self, images: int) -> float:
        """The gradient of the penalty is this times the weights."""
        return self.lambda_ * {"sum": 2.0, "half": 1.0, "per_image": 2.0 / images}[self.form]
