"""Digests of code: they change with a part, and with what it imports from its own package."""

import hashlib
from pathlib import Path

import pytest

from probeline.pipeline import code
from tests.conftest import ROOT

FILES = {
    "__init__": "",
    "alone": "a = 1\n",
    "user": "from probeline.made import _first\nfrom probeline.made._second import b\nfrom probeline.other import c\n",
    "own": "import probeline.made._third as third\n",
    "near": "from . import _first\nfrom ._third import d\nfrom .. import alone\n",
    "_first": "from probeline.made import user\n",  # in a circle
    "_second": "def late():\n    from probeline.made import _third\n",
    "_third": "",
}


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "made").mkdir()
    for name, text in FILES.items():
        (tmp_path / f"made/{name}.py").write_text(text)
    monkeypatch.setattr(code, "LIBRARY", tmp_path)
    return tmp_path


def paths(*names: str) -> list[str]:
    return [f"src/probeline/made/{name}.py" for name in names]


@pytest.mark.parametrize(
    ("part", "follows"),
    [
        ("alone", ["alone"]),
        ("user", ["_first", "_second", "_third", "user"]),
        ("own", ["_third", "own"]),
        ("near", ["_first", "_second", "_third", "near", "user"]),
        ("not_there", []),
    ],
)
def test_a_part_has_the_digests_of_all_that_it_imports_from_its_package(part: str, follows: list[str]) -> None:
    assert list(code.digests("made", part)) == paths(*follows)


def test_a_digest_is_that_of_the_file_and_changes_with_it(library: Path) -> None:
    first = code.digests("made", "user")
    for path, digest in first.items():
        content = (library / path.removeprefix("src/probeline/")).read_bytes()
        assert digest == hashlib.sha256(content).hexdigest()
    (library / "made/_third.py").write_text("# an edit\n")
    second = code.digests("made", "user")
    assert [path for path in first if first[path] != second[path]] == paths("_third")


def test_the_paths_are_those_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "LIBRARY", ROOT / "src/probeline")
    found = code.digests("augmentations", "color_jitter")
    assert list(found) == [f"src/probeline/augmentations/{name}.py" for name in ("_color", "color_jitter")]
    for path, digest in found.items():
        assert digest == hashlib.sha256((ROOT / path).read_bytes()).hexdigest()
