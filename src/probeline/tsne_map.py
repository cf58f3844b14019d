"""The format of `data/results/tsne/<encoder>`: what tsne@encoder writes, and all that the summary reads."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probeline.pipeline import files
from probeline.pipeline.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Map:
    """Where each image lies, and how good that is.

    Attributes:
        points: A row an image: index (in the task), x, y, label, class.
        facts: Of the map (setting, `kl`, `trustworthiness`), its `encoder`, `silhouette` (mean over the points in the
            embedding and in the map), and `classes`: name, points, and the same two silhouettes, null where the class
            has fewer than two points.
    """

    points: "pd.DataFrame"
    facts: dict[str, Any]


def save(drawn: Map, folder: Path) -> None:
    """Write a map into a folder that exists: map.csv and map.json."""
    files.write_csv(folder / "map.csv", drawn.points)
    files.write_json(folder / "map.json", drawn.facts)


def load(names: Iterable[str], folder: Path) -> dict[str, Map]:
    """Read maps, in the order of their names.

    Args:
        names: Entries of `maps`.
        folder: `data/results/tsne`.

    Raises:
        UserError: A map is missing or damaged.
    """
    import pandas as pd

    found = {}
    for name in names:
        try:
            points = pd.read_csv(folder / name / "map.csv", dtype={"class": str}, keep_default_na=False)
            found[name] = Map(points, json.loads((folder / name / "map.json").read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise UserError(f"{folder / name}: missing or damaged; run: dvc repro --force tsne@{name}") from error
    return found


def table(maps: Mapping[str, Map]) -> "pd.DataFrame":
    """A row a map and class, and one for all classes of a map: what A5 compares."""
    import pandas as pd

    keys = ("experiment", "split", "perplexity", "kl", "trustworthiness")
    rows = [
        {
            "encoder": name,
            "task": drawn.facts["encoder"]["task"],
            **{key: drawn.facts[key] for key in keys},
            "class": part["name"],
            "points": part["points"],
            "silhouette_embedding": part["embedding"],
            "silhouette_map": part["map"],
        }
        for name, drawn in maps.items()
        for part in [
            {"name": "all", "points": drawn.facts["points"], **drawn.facts["silhouette"]},
            *drawn.facts["classes"],
        ]
    ]
    return pd.DataFrame(rows)


def side_by_side(maps: Mapping[str, Map]) -> dict[tuple[str, str], dict[str, Map]]:
    """{(experiment, task): {name: map}}, for experiments that have several maps of one task."""
    groups: dict[tuple[str, str], dict[str, Map]] = {}
    for name, drawn in maps.items():
        groups.setdefault((drawn.facts["experiment"], drawn.facts["encoder"]["task"]), {})[name] = drawn
    return {key: group for key, group in groups.items() if len(group) > 1}
