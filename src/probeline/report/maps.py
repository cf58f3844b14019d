"""What t-SNE maps have measured, as a table."""

from collections.abc import Mapping

import pandas as pd

from probeline.results.maps import Map

ABOUT = ("report_id", "split", "perplexity", "kl", "trustworthiness")


def table(maps: Mapping[str, Map]) -> pd.DataFrame:
    """One row per map and class, and one for all classes of a map: what A5 compares."""
    rows = []
    for name, drawn in maps.items():
        facts = drawn.facts
        parts = [("all", facts.points, facts.silhouette), *((part.name, part.points, part) for part in facts.classes)]
        rows += [
            {
                "encoder": name,
                "task": facts.encoder.task,
                **{key: getattr(facts, key) for key in ABOUT},
                "class": what,
                "points": points,
                "silhouette_embedding": silhouette.embedding,
                "silhouette_map": silhouette.map,
            }
            for what, points, silhouette in parts
        ]
    return pd.DataFrame(rows)


def side_by_side(maps: Mapping[str, Map]) -> dict[tuple[str, str], dict[str, Map]]:
    """{(report_id, task): {name: map}}, where several maps of one task have the same report_id."""
    groups: dict[tuple[str, str], dict[str, Map]] = {}
    for name, drawn in maps.items():
        groups.setdefault((drawn.facts.report_id, drawn.facts.encoder.task), {})[name] = drawn
    return {key: group for key, group in groups.items() if len(group) > 1}
