"""Maps as they are saved and read."""

from pathlib import Path

import pytest

from probeline.pipeline.errors import UserError
from probeline.results import maps
from tests.unit.report.made import tsne_map


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A map that was saved."""
    path = tmp_path / "tsne/z32"
    path.mkdir(parents=True)
    maps.save(tsne_map(), path)
    return path


def test_what_is_read_is_what_was_drawn(folder: Path) -> None:
    found, drawn = maps.load(folder), tsne_map()
    assert found.facts == drawn.facts
    assert list(found.points) == ["index", "x", "y", "label", "class"]
    assert found.points.to_dict("list") == drawn.points.to_dict("list")


def test_a_class_may_be_called_na_or_7(folder: Path) -> None:
    drawn = tsne_map()
    drawn.points["class"] = ["NA", "NA", "7", ""]
    maps.save(drawn, folder)
    assert maps.load(folder).points["class"].tolist() == ["NA", "NA", "7", ""]


@pytest.mark.parametrize("file", ["map.json", "map.csv"])
@pytest.mark.parametrize("content", [None, b""])
def test_what_is_missing_or_damaged_is_one_line_with_the_stage_to_run(
    folder: Path, file: str, content: bytes | None
) -> None:
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(
        UserError, match=r"^[^\n]*is missing or damaged; run: dvc repro --force tsne@z32 --single-item$"
    ):
        maps.load(folder)
