"""Files that are whole or absent, and the same bytes for the same content."""

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from probeline.pipeline import files


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "deep/folder/a.txt"
    files.write(path, "one")
    files.write(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written_names_itself_and_stays(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError) as error:  # noqa: PT011 (which one depends on the system)
        files.write(tmp_path / "taken", "text")
    assert error.value.filename == str(tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_json_has_no_number_that_is_not_finite(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"b": [math.nan, math.inf, 1.5], "a": {"c": -math.inf, "d": None}})
    text = '{\n  "b": [\n    null,\n    null,\n    1.5\n  ],\n  "a": {\n    "c": null,\n    "d": null\n  }\n}\n'
    assert (tmp_path / "a.json").read_text() == text


def test_a_table_has_six_digits_and_empty_fields_for_what_is_not_finite(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1 / 3, math.inf, math.nan], "b": [1, 2, 3], "c": [1e-9 / 3, 12345678.0, 0.5]})
    files.write_csv(tmp_path / "a.csv", frame)
    assert (tmp_path / "a.csv").read_bytes() == b"a,b,c\n0.333333,1,3.33333e-10\n,2,1.23457e+07\n,3,0.5\n"


def test_rounding_goes_through_plain_data() -> None:
    found = files.rounded({"a": [1 / 3, 2, "x"], "b": math.inf, "c": None})
    assert found == {"a": [0.333333, 2, "x"], "b": math.inf, "c": None}


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_an_array_is_written_as_numpy_does(tmp_path: Path, dtype: type) -> None:
    array: Any = np.arange(24).reshape(2, 3, 4).astype(dtype).transpose(2, 0, 1)
    files.write_array(tmp_path / "a.npy", array)
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array))
    assert (tmp_path / "a.npy").read_bytes() == buffer.getvalue()


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0, 4)])
def test_an_array_of_nothing_is_written_too(tmp_path: Path, shape: tuple[int, ...]) -> None:
    files.write_array(tmp_path / "a.npy", np.zeros(shape, np.float32))
    found = np.load(tmp_path / "a.npy")
    assert (found.shape, found.dtype) == (shape, np.float32)


def test_named_arrays_are_the_bytes_of_numpy_whatever_the_name_of_the_file(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"kind": np.array("logits"), "none": np.zeros((0, 2)), "some": np.arange(3)}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    for name in ("a.npz", "deep/b.npz"):
        files.write_npz(tmp_path / name, **arrays)
        assert (tmp_path / name).read_bytes() == buffer.getvalue()
