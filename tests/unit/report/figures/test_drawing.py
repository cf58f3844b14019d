import ast
import dataclasses
import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from probeline.report.figures import drawing, style
from probeline.results.record import Part


class Record(Part):
    name: str
    value: float | None


class Other(Part):
    name: str
    value: float | None


@dataclasses.dataclass(frozen=True)
class Pair:
    points: pd.DataFrame
    record: Record


def line(values: Any, title: str = "a line") -> Figure:
    figure, (axes,) = style.new(1, 3, 2, title, "of a test")
    axes.plot(list(values))
    return figure


def never(values: Any) -> Figure:
    raise AssertionError(values)


def test_a_figure_whose_data_is_the_same_is_copied_and_not_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "plots/a.png", tmp_path / "new/deeper/a.png"
    assert drawing.draw(old, old, line, [1.0, 2.0])
    monkeypatch.setattr(style, "new", never)
    assert not drawing.draw(new, old, line, [1.0, 2.0])
    assert new.read_bytes() == old.read_bytes()
    assert not drawing.draw(old, old, line, (1.0, 2.0))


def test_a_figure_whose_data_changed_is_drawn_again(tmp_path: Path) -> None:
    old, new = tmp_path / "old.png", tmp_path / "new.png"
    drawing.draw(old, old, line, [1.0, 2.0])
    assert drawing.draw(new, old, line, [1.0, 3.0])
    with Image.open(old) as before, Image.open(new) as after:
        assert before.size == after.size == (330, 220)
        assert before.tobytes() != after.tobytes()
        assert after.info["Probeline"] == drawing.digest(line, [1.0, 3.0])
        assert "Software" not in after.info


def test_a_figure_is_drawn_again_when_its_code_or_matplotlib_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    drawing.draw(path, path, line, [1.0])
    with pytest.raises(AssertionError, match=r"\[1.0\]"):
        drawing.draw(path, path, never, [1.0])
    with monkeypatch.context() as changed:
        changed.setattr(drawing, "_matplotlib", lambda: "0.1")
        assert drawing.draw(path, path, line, [1.0])
    monkeypatch.setattr(drawing, "_source", lambda _: {"run": "changed"})
    assert drawing.draw(path, path, line, [1.0])


def test_a_figure_that_is_drawn_again_to_the_same_pixels_is_not_drawn_a_third_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As it was: it kept its old digest, and so was drawn at each summary from then on.
    old, new = tmp_path / "old.png", tmp_path / "new.png"
    drawing.draw(old, old, line, [1.0])
    monkeypatch.setattr(drawing, "_source", lambda _: {"run": "a comment"})
    assert drawing.draw(new, old, line, [1.0])
    assert not drawing.draw(old, new, line, [1.0])


def test_a_figure_depends_on_its_module_and_what_that_imports_alone() -> None:
    package = "probeline.report.figures"
    assert list(drawing._source(f"{package}.run")) == [f"{package}.run", f"{package}.style"]
    assert list(drawing._source(f"{package}.lessons")) == [
        f"{package}.{name}" for name in ("lessons", "pictures", "style")
    ]


def test_an_equal_figure_is_equal_bytes_whatever_was_drawn_before_and_is_set(tmp_path: Path) -> None:
    for name in ("first", "second"):
        drawing.draw(tmp_path / name, tmp_path / "none", line, [1.0, 2.0], "$ is a class")
        mpl.rcParams["font.size"] = 20
        line([3.0])
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_file_that_is_no_whole_figure_of_ours_is_drawn_again(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    drawing.draw(path, path, line, [1.0])
    whole = path.read_bytes()
    other = io.BytesIO()
    Image.new("L", (2, 2)).save(other, "PNG")
    for damaged in (whole[:-100], whole[:200] + b"?" + whole[201:], b"", b"no picture", other.getvalue()):
        path.write_bytes(damaged)
        assert drawing.draw(path, path, line, [1.0])
        assert path.read_bytes() == whole


FRAME = pd.DataFrame({"name": ["a", None], "value": [0.5, np.nan]})
PAIR = Pair(FRAME, Record(name="a", value=1.0))


@pytest.mark.parametrize(
    ("value", "equal"),
    [
        (FRAME, FRAME.copy()),
        (PAIR, Pair(FRAME.copy(), Record(name="a", value=1.0))),
        (FRAME.iloc[0], FRAME.copy().iloc[0]),
        (np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3))),
        ({"a": [1, (2.5, None)], "b": {"c": True}}, {"a": [1, [2.5, None]], "b": {"c": True}}),
        (float("nan"), -float("nan")),
        (np.array(["a", None], dtype=object), np.array(["a", None], dtype=object)),
        (0.1 + 0.2, 0.3),  # a last digit, which processors do not agree on
        ([0.5, 1.000001], [0.5, 1.0000012]),
        (np.array([0.1 + 0.2]), np.array([0.3])),
        (pd.DataFrame({"a": [0.1 + 0.2]}), pd.DataFrame({"a": [0.3]})),
    ],
)
def test_equal_data_has_the_same_digest(value: Any, equal: Any) -> None:
    assert drawing.digest(line, value) == drawing.digest(line, equal)


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (FRAME, FRAME.rename(columns={"value": "values"})),
        (FRAME, FRAME.fillna({"value": 0.0})),
        (FRAME, FRAME.set_index(pd.Index([1, 0]))),
        (FRAME, FRAME[["value", "name"]]),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1.0, 2.0]})),
        (PAIR, dataclasses.replace(PAIR, record=Record(name="a", value=None))),
        (Record(name="a", value=1.0), Other(name="a", value=1.0)),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros(2, dtype=np.float32), np.zeros(2, dtype=np.int32)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (["ab", "c"], ["a", "bc"]),
        ([["a"], "b"], [["a", "b"]]),
        (1, True),
        (1, 1.0),
        (1, "1"),
        (None, "None"),
        (0.300001, 0.3),
        (np.array([0.300001]), np.array([0.3])),
        (pd.Series([0.300001]), pd.Series([0.3])),
    ],
)
def test_what_differs_in_a_value_a_type_or_its_place_has_another_digest(value: Any, other: Any) -> None:
    assert drawing.digest(line, value) != drawing.digest(line, other)


def test_an_argument_that_has_no_digest_is_refused() -> None:
    with pytest.raises(TypeError, match="a figure cannot be drawn from a set: it has no digest"):
        drawing.digest(line, {"a": {1}})


def test_figures_run_no_code_of_the_library_that_the_digest_does_not_cover() -> None:
    for path in Path(drawing.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text())
        typing = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
        unused = {id(part) for block in typing for part in ast.walk(block)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and id(node) not in unused and str(node.module).startswith("probeline"):
                allowed = "probeline.pipeline" if path.name == "drawing.py" else "probeline.report.figures"
                assert node.module == allowed, (path.name, node.module)
