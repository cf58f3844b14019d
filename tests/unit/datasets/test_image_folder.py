"""Image files of a user's own: as folders, as archives, and what is wrong with them."""

import hashlib
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from probeline.datasets import image_folder
from probeline.datasets._raw import Files, Raw, save
from probeline.pipeline.errors import UserError
from tests.unit.datasets.conftest import pinned


def picture(path: Path, color: Any = "red", mode: str = "RGB", size: tuple[int, int] = (4, 4), **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path, **options)


def read_folder(path: str, sha256: str | None = None) -> Raw:
    def read(digest: str | None) -> Raw:
        return image_folder.read(image_folder.Spec(kind="image_folder", path=path, sha256=digest), "mine")

    return read(sha256) if sha256 else pinned(read)


def colors(found: Raw, split: str = "train") -> list[list[int]]:
    corners: list[list[int]] = found.images(split, range(len(found.labels[split])), 2)[:, 0, 0].tolist()
    return corners


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes, every awkward mode, and what file managers leave behind."""
    folder = tmp_path / "photos"
    picture(folder / "cat/2.png", "red")
    picture(folder / "cat/10.JPG", 128, "L", quality=100)
    picture(folder / "cat/more/1.tif", (0, 255, 0, 0), "CMYK")
    picture(folder / "bird of prey/a.png", (0, 0, 0, 0), "RGBA")
    for clutter in (".DS_Store", "cat/.DS_Store", "cat/._2.png", "cat/Thumbs.db", "__MACOSX/cat/2.png", ".git/x.png"):
        (folder / clutter).parent.mkdir(parents=True, exist_ok=True)
        (folder / clutter).write_bytes(b"clutter")
    return folder


EXPECTED = [[255, 255, 255], [128, 128, 128], [255, 0, 0], [255, 0, 255]]
NAMES = ("bird of prey/a.png", "cat/10.JPG", "cat/2.png", "cat/more/1.tif")


def test_an_image_folder(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    found = read_folder("photos")
    assert found.classes == ("bird of prey", "cat")
    assert found.labels["train"].tolist() == [0, 1, 1, 1]
    assert found.labels["train"].dtype == np.int64
    assert list(found.labels) == ["train"]
    assert isinstance(found.store, Files)
    assert found.store.names == {"train": NAMES}
    assert colors(found) == EXPECTED
    (tmp_path / "out").mkdir()
    save(found, tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "out/images.zip") as archive:
        assert archive.namelist() == [f"train/{name}" for name in NAMES]
        assert archive.read("train/cat/10.JPG") == (photos / "cat/10.JPG").read_bytes()


@pytest.mark.parametrize("suffix", ["zip", "tar", "gztar"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_an_archive_of_a_folder_gives_the_same_bytes(photos: Path, tmp_path: Path, suffix: str, wrapped: bool) -> None:
    where: dict[str, Any] = (
        {"root_dir": tmp_path, "base_dir": "photos"} if wrapped else {"root_dir": photos, "base_dir": "."}
    )
    path = shutil.make_archive(str(tmp_path / "packed"), suffix, **where)
    for name, source in (("a", "photos"), ("b", path)):
        (tmp_path / name).mkdir()
        save(read_folder(source), tmp_path / name)
    for file in ("images.zip", "raw.json", "train_labels.npy"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_order_of_an_archive_is_none_of_ours(photos: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "reversed.zip", "w") as packed:
        for name in reversed(NAMES):
            packed.write(photos / name, name)
    found = read_folder("reversed.zip")
    assert isinstance(found.store, Files)
    assert found.store.names == {"train": NAMES}
    assert colors(found) == EXPECTED


def test_train_and_test_folders(tmp_path: Path) -> None:
    for split, color in (("train", "red"), ("test", "blue")):
        picture(tmp_path / f"set/{split}/a/1.png", color)
        picture(tmp_path / f"set/{split}/b/1.png", "white")
    found = read_folder("set")
    assert found.classes == ("a", "b")
    assert list(found.labels) == ["train", "test"]
    assert colors(found) == [[255, 0, 0], [255, 255, 255]]
    assert colors(found, "test") == [[0, 0, 255], [255, 255, 255]]


def test_only_a_train_folder(tmp_path: Path) -> None:
    picture(tmp_path / "set/train/a/1.png")
    picture(tmp_path / "set/train/b/1.png")
    assert read_folder("set").classes == ("a", "b")


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for label in ("bus", "train"):
        picture(tmp_path / f"set/{label}/1.png")
    assert read_folder("set").classes == ("bus", "train")


def test_folders_that_are_links_are_followed_but_not_round(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/dog").symlink_to(photos / "cat")
    picture(tmp_path / "set/wolf/1.png")
    (tmp_path / "set/wolf/round").symlink_to(tmp_path / "set")
    found = read_folder("set")
    assert found.classes == ("dog", "wolf")
    assert found.labels["train"].tolist() == [0, 0, 0, 1]


def test_the_digest_is_that_of_names_and_contents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture(tmp_path / "set/b/1.png", "red")
    picture(tmp_path / "set/a/2.png", "blue")
    parts = [hashlib.sha256((tmp_path / "set" / name).read_bytes()).hexdigest() for name in ("a/2.png", "b/1.png")]
    digest = hashlib.sha256(f"{parts[0]}  train/a/2.png\n{parts[1]}  train/b/1.png\n".encode()).hexdigest()
    read_folder("set", sha256=digest)
    assert capsys.readouterr().out == ""
    (tmp_path / "set/a/2.png").rename(tmp_path / "set/a/3.png")
    with pytest.raises(UserError, match=f"^params.yaml: sha256: set has changed: expected {digest}, found "):
        read_folder("set", sha256=digest)


def test_other_files_are_named_in_one_line(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (photos / "cat/notes.txt").write_text("hello")
    (photos / "README").write_text("hello")
    picture(photos / "loose.png")
    read_folder("photos")
    warnings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    assert warnings[:3] == [
        "warning: photos: skipped 1 hidden folders and images: .git",
        "warning: photos: skipped 2 files that are no images by their names: README, cat/notes.txt",
        "warning: photos: skipped 1 images that are in no class folder: loose.png",
    ]


def test_damaged_images_are_named_each(photos: Path) -> None:
    content = (photos / "cat/10.JPG").read_bytes()
    (photos / "cat/10.JPG").write_bytes(content[: len(content) // 2])
    (photos / "bird of prey/b.png").write_bytes(b"")
    with pytest.raises(UserError) as caught:
        read_folder("photos")
    assert [line.split(": not a readable image (")[0] for line in caught.value.lines] == [
        str(photos / "bird of prey/b.png"),
        str(photos / "cat/10.JPG"),
    ]


def test_of_many_damaged_images_some_are_named(tmp_path: Path) -> None:
    (tmp_path / "set/a").mkdir(parents=True)
    for number in range(25):
        (tmp_path / f"set/a/{number}.png").write_bytes(b"x")
    with pytest.raises(UserError) as caught:
        read_folder("set")
    assert len(caught.value.lines) == 11
    assert caught.value.lines[-1] == "set: 15 more damaged images"


def test_an_empty_class_is_named(photos: Path) -> None:
    (photos / "dog").mkdir()
    (photos / "emu").mkdir()
    (photos / "emu/.DS_Store").write_bytes(b"")
    with pytest.raises(UserError) as caught:
        read_folder("photos")
    assert caught.value.lines == tuple(
        f"photos: the class folder {label} has no images; fill or remove it" for label in ("dog", "emu")
    )


@pytest.mark.parametrize("below", ["", "set/"])
def test_no_class_folder(tmp_path: Path, below: str) -> None:
    (tmp_path / "all/set").mkdir(parents=True)
    shutil.rmtree(tmp_path / "all/set")
    picture(tmp_path / f"all/{below}1.png")
    if below:
        assert read_folder("all").classes == ("set",)
        return
    with pytest.raises(UserError, match=r"^all: has no class folders; put the images of each class"):
        read_folder("all")


def test_train_and_test_need_the_same_classes(tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "test/a", "test/c"):
        picture(tmp_path / f"set/{name}/1.png")
    with pytest.raises(UserError, match=r"^set: train and test need the same class folders; only one has b, c$"):
        read_folder("set")


def test_a_validation_folder_is_not_taken_for_a_class(tmp_path: Path) -> None:
    for name in ("train/a", "val/a"):
        picture(tmp_path / f"set/{name}/1.png")
    with pytest.raises(UserError, match=r"^set: has val/ beside train/; a task draws its own validation images"):
        read_folder("set")


def test_an_empty_test_folder_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "set/train/a/1.png")
    (tmp_path / "set/test").mkdir()
    with pytest.raises(UserError, match=r"^set/test: has no class folders"):
        read_folder("set")


@pytest.mark.parametrize("name", ["1.jfif", "1.JPE", "1.avif"])
def test_other_names_of_known_formats_are_images(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "set/a" / name, "red")
    picture(tmp_path / "set/b/1.png", "blue")
    assert read_folder("set").labels["train"].tolist() == [0, 1]


def test_two_forms_of_unicode_are_named_as_the_cause(tmp_path: Path) -> None:
    for name in ("train/caf\u00e9", "train/bar", "test/cafe\u0301", "test/bar"):
        picture(tmp_path / f"set/{name}/1.png")
    with pytest.raises(UserError, match=r"^set: train and test need the same .*: the same letters, in two forms of Un"):
        read_folder("set")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    picture(tmp_path / "set/a/1.png")
    os.mkfifo(tmp_path / "set/a/2.png")
    with pytest.raises(UserError, match=r"^/.*/set/a/2\.png: is a pipe or a device, no file; remove it$"):
        read_folder("set")


def test_what_cannot_be_printed_is_said_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture(tmp_path / "set/a/1.png")
    picture(tmp_path / "set/b/2.png")
    Path(os.fsdecode(os.fsencode(tmp_path / "set/a") + b"/\xff.txt")).write_text("hello")
    read_folder("set")
    assert r"skipped 1 files that are no images by their names: a/\udcff.txt" in capsys.readouterr().out
