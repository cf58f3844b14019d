"""What counts in a digest, and what is said of one that differs."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from probeline.pipeline import numerics
from tests.portable import digests


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that keeps three operations and a stage, made on this machine."""
    monkeypatch.setattr(digests, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(numerics, "outside", lambda: None)
    monkeypatch.setattr(digests, "unproven", lambda: False)
    digests.keep({"stage a": digests.of(1.0)}, "stage ")
    digests.keep({f"operation {name}": digests.of(np.float32(2)) for name in "xyz"}, "operation ")


@pytest.mark.usefixtures("kept")
def test_what_differs_here_is_said_in_the_order_of_the_computation() -> None:
    same, other = digests.of(np.float32(2)), digests.of(np.nextafter(np.float32(2), np.float32(3)))
    found = {"operation z": other, "operation x": same, "operation y": other}
    assert [line.partition(":")[0] for line in digests.unlike(found, "operation ", 0.1)] == [
        "operation z",
        "operation y",
    ]
    assert digests.unlike({"stage a": digests.of(1.0)}, "stage ", 0.1) == []


@pytest.mark.usefixtures("kept")
def test_on_a_kind_of_processor_that_was_never_tried_it_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "unproven", lambda: True)
    with pytest.warns(UserWarning, match=r"^stage a: other bytes than in kept, on a processor with AVX-512"):
        assert digests.unlike({"stage a": digests.of(1.5)}, "stage ", 0.1) == []


@pytest.mark.usefixtures("kept")
def test_what_is_missing_or_new_is_said() -> None:
    found = {f"operation {name}": digests.of(np.float32(2)) for name in "xyw"}
    assert digests.unlike(found, "operation ", 0.1) == [
        "operation w: is not in kept; run: make portable UPDATE=1",
        "operation z: was not found; run: make portable UPDATE=1",
    ]


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("where", ["outside", "here"])
def test_elsewhere_sizes_are_compared_and_the_reason_is_said(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    if where == "outside":
        monkeypatch.setattr(numerics, "outside", lambda: "this processor has no AVX2")
        why = "this processor has no AVX2"
    else:
        now = digests.here()
        monkeypatch.setattr(digests, "here", lambda: f"musl 1{now[now.index(',') :]}")
        why = f"musl 1 here and {now.partition(',')[0]} there"
    found = {f"operation {name}": digests.of(np.float32(2.0001)) for name in "xyz"}
    assert digests.unlike(found, "operation ", 1e-3) == []
    found["operation y"] = digests.of(np.float32(2.1))
    assert digests.unlike(found, "operation ", 1e-3) == [f"operation y: 1.131, and 1.099 in kept (bytes: {why})"]


def test_code_and_texts_of_pictures_do_not_count_and_numbers_and_pixels_do(tmp_path: Path) -> None:
    def digest(number: float, code: str, red: int) -> digests.Digest:
        (tmp_path / "a.json").write_text(json.dumps({"number": number, "code": {"a.py": code}}))
        info = PngInfo()
        info.add_text("code", code)
        Image.new("RGB", (2, 2), (red, 0, 0)).save(tmp_path / "b.png", pnginfo=info)
        return digests.of_files([tmp_path], tmp_path)

    first = digest(0.1, "one", 7)
    assert digest(0.1, "two", 7) == first
    assert digest(0.1 + 2**-55, "one", 7).content != first.content
    assert digest(0.1, "one", 8).content != first.content


def test_names_types_and_shapes_count() -> None:
    values = [np.zeros(4), np.zeros((2, 2)), np.zeros(4, np.float32), {"a": np.zeros(4)}, {"b": np.zeros(4)}]
    assert len({digests.of(value).content for value in values}) == len(values)


def test_what_is_not_finite_or_counts_something_has_no_size() -> None:
    assert digests.of([np.array([np.e - 1, np.nan, np.inf, 1 - np.e]), np.arange(9), "text"]).size == 1
