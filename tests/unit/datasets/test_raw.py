"""The format of data/raw: what is read is what was written, to the byte."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from probeline.datasets import _raw as raw
from probeline.datasets._raw import Arrays, Files, Raw
from probeline.pipeline.errors import ParamError, UserError


def encoded(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def test_arrays_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    images = np.arange(3 * 2 * 2 * 3, dtype=np.uint8).reshape(3, 2, 2, 3)
    labels = np.array([2, 0, 1])
    raw.save(Raw(("a", "b", "c"), {"train": labels}, Arrays({"train": images})), tmp_path)
    found = raw.load(tmp_path)
    assert found.classes == ("a", "b", "c")
    assert list(found.labels) == ["train"]
    assert found.labels["train"].tolist() == [2, 0, 1]
    assert found.images("train", [2, 0], None)[0, 0, 0].tolist() == [24, 25, 26]
    assert found.images("train", [2, 0], 2)[1, 1, 1].tolist() == [9, 10, 11]
    assert np.array_equal(np.load(tmp_path / "train_images.npy"), images)


def test_arrays_of_transposed_memory_are_written_in_order(tmp_path: Path) -> None:
    planar = np.arange(12, dtype=np.uint8).reshape(1, 3, 2, 2)
    raw.save(Raw(("a",), {"train": np.array([0])}, Arrays({"train": planar.transpose(0, 2, 3, 1)})), tmp_path)
    assert raw.load(tmp_path).images("train", [0], None)[0].tolist() == [
        [[0, 4, 8], [1, 5, 9]],
        [[2, 6, 10], [3, 7, 11]],
    ]


def test_only_the_images_asked_for_are_copied(tmp_path: Path) -> None:
    images = np.zeros((4, 2, 2, 1), np.uint8)
    raw.save(Raw(("a",), {"train": np.zeros(4, np.int64)}, Arrays({"train": images})), tmp_path)
    store = raw.load(tmp_path).store
    assert isinstance(store, Arrays)
    assert isinstance(store.arrays["train"], np.memmap)
    found = store.images("train", [1], None)
    assert type(found) is np.ndarray
    assert found.base is None


@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_are_shrunk_by_averaging(channels: int) -> None:
    # Halving 4x4 bilinearly with antialiasing weighs 1/8, 3/8, 3/8, 1/8 over neighbours; at the border of a
    # picture of two halves, 0 and 240, the weights that are left are 3/7, 3/7 and 1/7.
    image = np.repeat([[0, 0, 240, 240]], 4, axis=0).astype(np.uint8)
    images = np.repeat(image[None, :, :, None], channels, axis=3)
    found = Arrays({"train": images}).images("train", [0], 2)
    assert found.shape == (1, 2, 2, channels)
    assert found[0, :, :, 0].tolist() == [[34, 206], [34, 206]]


def test_files_are_the_originals_in_one_archive(tmp_path: Path) -> None:
    red, blue = (encoded(Image.new("RGB", (3, 3), color)) for color in ("red", "blue"))
    contents = {"train/b c/1.png": red, "test/b/1.png": blue, "train/b/2.png": blue}
    digests = {"train": np.array([5, 6], np.uint64), "test": np.array([7], np.uint64)}
    store = Files(contents.__getitem__, {"train": ("b/2.png", "b c/1.png"), "test": ("b/1.png",)}, digests)
    labels = {"train": np.array([0, 1]), "test": np.array([0])}
    raw.save(Raw(("b", "b c"), labels, store), tmp_path)
    with zipfile.ZipFile(tmp_path / "images.zip") as archive:
        assert archive.read("train/b c/1.png") == red
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    found = raw.load(tmp_path)
    assert found.images("train", [1, 0, 1], 2)[:, 0, 0].tolist() == [[255, 0, 0], [0, 0, 255], [255, 0, 0]]
    assert found.images("test", [0], 2)[0, 1, 1].tolist() == [0, 0, 255]
    assert (found.digests("train").tolist(), found.digests("test").tolist()) == ([5, 6], [7])
    with pytest.raises(ParamError, match=r"^params\.yaml: pixels: .*its task must state `pixels`"):
        found.images("train", [0], None)


def test_saved_twice_the_bytes_are_the_same(tmp_path: Path) -> None:
    content = encoded(Image.new("L", (2, 2), 7))
    for folder in ("one", "two"):
        for kind in ("arrays", "files"):
            (tmp_path / folder / kind).mkdir(parents=True)
        arrays = Arrays({"train": np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1)})
        raw.save(Raw(("a",), {"train": np.array([0])}, arrays), tmp_path / folder / "arrays")
        files = Files(lambda _: content, {"train": ("a/1.png",)}, {"train": np.array([5], np.uint64)})
        raw.save(Raw(("a",), {"train": np.array([0])}, files), tmp_path / folder / "files")
    first, second = (sorted(path for path in (tmp_path / each).rglob("*") if path.is_file()) for each in ("one", "two"))
    assert len(first) == 7
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_missing_folder_names_the_command(tmp_path: Path) -> None:
    line = r"mnist/raw.json: is missing or damaged; run: dvc repro --force fetch@mnist --single-item$"
    with pytest.raises(UserError, match=line):
        raw.load(tmp_path / "mnist")


def test_another_version_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mnist"
    folder.mkdir()
    raw.save(Raw(("a",), {"train": np.array([0])}, Arrays({"train": np.zeros((1, 2, 2, 1), np.uint8)})), folder)
    about = json.loads((folder / "raw.json").read_text())
    assert about == {"version": 1, "classes": ["a"], "images": "arrays"}
    (folder / "raw.json").write_text(json.dumps(about | {"version": 2}))
    line = r"raw.json: has version 2 of its format, and version 1 is read; run: dvc repro --force fetch@mnist --si"
    with pytest.raises(UserError, match=line):
        raw.load(folder)


@pytest.mark.parametrize(
    "kind", ["cut", "flipped", "missing", "fewer labels", "no labels", "digests", "fewer digests", "class"]
)
def test_damaged_files_are_one_line_with_the_command(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    content = encoded(Image.effect_noise((9, 9), 50))
    digests = {"train": np.array([5, 6], np.uint64)}
    raw.save(
        Raw(("a", "b"), {"train": np.array([0, 1])}, Files(lambda _: content, {"train": ("a/1", "b/2")}, digests)),
        folder,
    )
    path = folder / "images.zip"
    sound = path.read_bytes()
    if kind == "cut":
        path.write_bytes(sound[: len(sound) // 2])
    elif kind == "flipped":
        path.write_bytes(sound[:60] + bytes([sound[60] ^ 1]) + sound[61:])
    elif kind in {"missing", "no labels"}:
        (path if kind == "missing" else folder / "train_labels.npy").unlink()
    else:
        name, array = {
            "fewer labels": ("labels", np.array([0])),
            "digests": ("digests", np.array([0])),
            "fewer digests": ("digests", np.array([5], np.uint64)),
            "class": ("labels", np.array([0, 2])),  # of two
        }[kind]
        np.save(folder / f"train_{name}.npy", array)
    with pytest.raises(UserError, match=r"(damaged|fit each other); run: dvc repro --force fetch@mine --single-item$"):
        raw.load(folder).images("train", [0, 1], 4)
