"""The table of t-SNE maps."""

import pandas as pd

from probeline.report import maps
from tests.unit.report.made import tsne_map


def test_one_row_is_of_all_classes_and_one_of_each() -> None:
    table = maps.table({"z64": tsne_map(), "z32": tsne_map()})
    assert table["encoder"].tolist() == ["z64"] * 4 + ["z32"] * 4
    assert table["class"].tolist() == ["all", "cat", "dog", "eel"] * 2
    assert table["points"].tolist() == [4, 2, 2, 0] * 2
    assert table["silhouette_map"].tolist()[:3] == [0.2, 0.4, 0.0]
    assert pd.isna(table["silhouette_embedding"][3])
    assert table["kl"].tolist() == [0.5] * 8


def test_maps_with_one_report_id_on_one_task_stand_side_by_side() -> None:
    found = maps.side_by_side({"z64": tsne_map(), "z32": tsne_map(), "other": tsne_map("B7")})
    assert {key: list(group) for key, group in found.items()} == {("A5", "made"): ["z64", "z32"]}
