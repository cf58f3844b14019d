"""What tsne leaves: `data/results/tsne/<encoder>/`.

map.json        Facts
map.csv         one row per image: index (in the task), x, y, label, class
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from probeline.pipeline import files
from probeline.pipeline.errors import UserError
from probeline.pipeline.groups import force
from probeline.results.embeddings import Embedded
from probeline.results.record import ClassName, Part, Record

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {"index": "int64", "x": "float64", "y": "float64", "label": "int64", "class": "str"}  # of map.csv


class Silhouettes(Part):
    """Mean silhouettes of the same points: 1 among its own class, 0 between two, negative among another.

    None where there are fewer than two points, or one class.
    """

    embedding: float | None
    map: float | None


class Class(Silhouettes):
    """The points of one class."""

    name: ClassName
    points: int


class Facts(Record):
    """How a map was made, and how far to trust it.

    Attributes:
        kl: What t-SNE minimizes. Compare it between maps of as many points, with the same perplexity and
            implementation.
        trustworthiness: Whether the `neighbors` nearest points of the map are near in the embedding too: 1 if all are,
            about 0.5 by chance.
        silhouette: Mean over all points.
    """

    VERSION: ClassVar[int] = 1

    report_id: str
    split: str
    perplexity: float
    iterations: int
    seed: int
    points: int
    implementation: str
    implementation_version: str
    kl: float
    trustworthiness: float
    neighbors: int
    silhouette: Silhouettes
    classes: list[Class]
    encoder: Embedded


@dataclass(frozen=True)
class Map:
    """Where each image lies, and how good that is.

    Attributes:
        points: One row per image: index (in the task), x, y, label, class.
    """

    points: "pd.DataFrame"
    facts: Facts


def save(drawn: Map, folder: Path) -> None:
    """Write a map into a folder that exists."""
    files.write_csv(folder / "map.csv", drawn.points)
    drawn.facts.save(folder / "map.json")


def load(folder: Path) -> Map:
    """Read a map.

    Raises:
        UserError: It is missing or damaged.
    """
    import pandas as pd

    facts = Facts.load(folder / "map.json")
    try:
        points = pd.read_csv(folder / "map.csv", dtype=COLUMNS, keep_default_na=False)
        whole = list(points) == list(COLUMNS) and len(points) == facts.points
        if not whole or not np.isfinite(points[["x", "y"]]).all(axis=None):
            raise ValueError("cut short, or of another map")  # noqa: TRY301 (one message for all)
        if not points["label"].between(0, len(facts.classes) - 1).all():
            raise ValueError("a label without a class")  # noqa: TRY301
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: is missing or damaged; run: {force('tsne', folder.name)}") from error
    return Map(points, facts)
