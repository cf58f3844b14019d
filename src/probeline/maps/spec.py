"""What a map is in params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from probeline.pipeline.params import Spec
from probeline.pipeline.types import Count, ReportId, Seed

NEIGHBORS = 5  # of a point, in its trustworthiness
EXAGGERATED = 250  # iterations that both implementations begin with


class Map(Spec):
    """An entry of `maps`, under the name of the encoder whose vectors it draws.

    Attributes:
        report_id: An id of docs/experiments.md. Maps with the same one and task are drawn side by side.
        split: Of the task; of its resamples, the one that the encoder's seed has trained on.
        images: So many of the split, drawn at random; all, where it has no more. The same images for every encoder of
            a task.
        perplexity: How many neighbors of a point count, roughly. It needs three times as many points.
        iterations: All of them are made; the first 250 pull clusters together (early exaggeration).
        seed: Of the choice of the images. The map itself starts from the principal components and draws nothing.
        implementation: scikit-learn (Barnes-Hut) or openTSNE; auto is scikit-learn up to 10,000 points.
    """

    report_id: ReportId
    split: Literal["train", "validation", "test"] = "test"
    images: Count = 2000
    perplexity: Annotated[float, Field(ge=NEIGHBORS, le=1000)] = 30.0
    iterations: Annotated[int, Field(gt=EXAGGERATED, le=100_000)] = 1000
    seed: Seed = 0
    implementation: Literal["auto", "sklearn", "opentsne"] = "auto"
