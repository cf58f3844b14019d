"""Archives whose names were read as rubbish or not at all."""

import zipfile
from pathlib import Path

import pytest

from probeline.sources import archives


def write(path: Path, *names: bytes) -> Path:
    """A zip with these bytes for names, which does not say how they are encoded."""
    placeholders = [chr(ord("A") + number) * len(name) for number, name in enumerate(names)]
    with zipfile.ZipFile(path, "w") as packed:
        for number, placeholder in enumerate(placeholders):
            packed.writestr(placeholder, f"{number}")
    content = path.read_bytes()
    for placeholder, name in zip(placeholders, names, strict=True):
        content = content.replace(placeholder.encode(), name)
    path.write_bytes(content)
    return path


def test_names_that_are_utf_8_without_saying_so_are_read_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "a.zip", "käfer/".encode(), "käfer/日本.png".encode())
    assert archives.members(path, lambda name: name.endswith(".png")) == {"käfer/": None, "käfer/日本.png": b"1"}
    assert capsys.readouterr().out == ""


def test_names_in_another_code_page_are_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "a.zip", "日本/1.png".encode("cp932"))
    archives.members(path, lambda _: True)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"warning: {path}: 1 names are not UTF-8 and read as code page 437: ")
    assert line.endswith(
        "; if that looks wrong, unpack it with the right one (unzip -O cp932, say) and give the folder"
    )


def test_a_zip_with_the_separators_of_windows_has_folders(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", b"cat\\", b"cat\\1.png")
    assert archives.members(path, lambda _: True) == {"cat/": None, "cat/1.png": b"1"}
