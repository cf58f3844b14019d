"""The user's own image files: a folder for each class, as they are or in an archive."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from probeline.datasets._decode import decode
from probeline.datasets._raw import Files, Raw
from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.pipeline.progress import bar, say
from probeline.sources.archives import members
from probeline.sources.own import locate, pin

IMAGES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
CLUTTER = {"__MACOSX", "Thumbs.db", "desktop.ini"}  # and whatever begins with a dot
SPLITS = {"train", "test"}
OTHER_SPLITS = {"val", "valid", "validation"}
Item = Path | bytes  # a file, or the content of an archive's member
Entries = dict[tuple[str, ...], Item | None]  # the parts of a path -> a file; None for a folder
SHOWN = 10  # the most files that a message names


class Spec(params.Spec):
    """`kind: image_folder`; `path` of a folder, .zip, .tar or .tar.gz; `sha256` of its content."""

    CHANNELS: ClassVar = 3

    kind: Literal["image_folder"]
    path: str = Field(min_length=1)
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


def read(spec: Spec, name: str) -> Raw:  # noqa: ARG001 (every kind has this signature)
    """Read `<class>/<file>`, or `train/<class>/<file>` and `test/<class>/<file>`; every image is decoded once.

    Classes are sorted by name, and files within a class. The digest is that of the lines
    `<sha256 of the file>  <split>/<class>/<file>`, so that a folder and an archive of it have the same.

    Raises:
        UserError: There are no class folders, empty ones, other classes in test than in train, or damaged images: one
            line each.
        ParamError: `path` names nothing, or `sha256` is not that of the content.
    """
    path = locate(spec.path)
    entries = _in_folder(path) if path.is_dir() else _in_archive(path)
    halves = _splits(spec.path, entries)
    splits = {
        split: _classes(spec.path if len(halves) == 1 else f"{spec.path}/{split}", found)
        for split, found in halves.items()
    }
    classes = tuple(sorted(splits["train"]))
    if odd := sorted(set(classes) ^ set(splits.get("test", classes))):
        raise UserError(f"{spec.path}: train and test need the same class folders; only one has {', '.join(odd)}")
    where = {
        f"{split}/{label}/{file}": found[label][file]
        for split, found in splits.items()
        for label in classes
        for file in sorted(found[label])
    }
    pin(spec.path, _verify(spec.path, where), spec.sha256)
    return Raw(
        classes,
        {
            split: np.repeat(np.arange(len(classes)), [len(found[label]) for label in classes])
            for split, found in splits.items()
        },
        Files(
            lambda key: _content(where[key]),
            {split: tuple(key.partition("/")[2] for key in where if key.startswith(f"{split}/")) for split in splits},
        ),
    )


def _verify(path: str, where: Mapping[str, Item]) -> str:
    """Decode every image; the digest of them all."""
    digest = hashlib.sha256()
    damaged: list[str] = []
    for key in bar(f"reading {path}", iterable=where):
        item = where[key]
        try:
            content = _content(item)
            digest.update(f"{hashlib.sha256(content).hexdigest()}  {key}\n".encode())
            decode(content, f"{path}: {key}" if isinstance(item, bytes) else str(item))
        except UserError as error:
            damaged.extend(error.lines)
        except OSError as error:
            damaged.append(f"{item!s}: {error.strerror}; mend or remove it")
        except UnicodeEncodeError:
            damaged.append(f"{path}: {key!r}: a name that is not UTF-8; give it another")
    if damaged:
        more = len(damaged) - SHOWN
        raise UserError(*damaged[:SHOWN], *([f"{path}: {more} more damaged images"] if more > 0 else []))
    return digest.hexdigest()


def _splits(path: str, entries: Entries) -> dict[str, Entries]:
    """The entries below train/ and test/, or all of them as train."""
    entries = {parts: item for parts, item in entries.items() if not any(map(_is_clutter, parts))}
    others = sorted("/".join(parts) for parts, item in entries.items() if item is not None and not _is_image(parts))
    if others:
        some = ", ".join(others[:SHOWN]) + (", and so on" if others[SHOWN:] else "")
        say(f"warning: {path}: skipped {len(others)} files that are no images by their names: {some}")
    entries = {parts: item for parts, item in entries.items() if item is None or _is_image(parts)}
    tops = {parts[0] for parts in entries}
    # An archive often holds one folder that holds everything.
    while (
        len(tops) == 1 and tops != {"train"} and all(parts[2:] for parts, item in entries.items() if item is not None)
    ):
        entries = {parts[1:]: item for parts, item in entries.items() if len(parts) > 1}
        tops = {parts[0] for parts in entries}
    if "train" not in tops or tops - SPLITS - OTHER_SPLITS:  # a class may be called train, beside other classes
        return {"train": entries}
    if strange := sorted(tops & OTHER_SPLITS):
        raise UserError(
            f"{path}: has {strange[0]}/ beside train/; a task draws its own validation images, "
            f"so move those of {strange[0]}/ into train/ or test/, or elsewhere"
        )
    return {
        split: {parts[1:]: item for parts, item in entries.items() if parts[0] == split and len(parts) > 1}
        for split in sorted(tops, reverse=True)
    }


def _classes(path: str, entries: Entries) -> dict[str, dict[str, Item]]:
    """Class folder -> file below it -> where its bytes are."""
    found: dict[str, dict[str, Item]] = {}
    loose = []
    for parts, item in entries.items():
        if item is None:
            found.setdefault(parts[0], {})
        elif len(parts) == 1:
            loose.append(parts[0])
        else:
            found.setdefault(parts[0], {})["/".join(parts[1:])] = item
    if not found:
        raise UserError(f"{path}: has no class folders; put the images of each class into a folder of its name")
    if loose:
        say(f"warning: {path}: skipped {len(loose)} images that are in no class folder: {min(loose)}")
    if empty := sorted(label for label, files in found.items() if not files):
        raise UserError(*(f"{path}: the class folder {label} has no images; fill or remove it" for label in empty))
    return found


def _in_folder(path: Path) -> Entries:
    entries: Entries = {}
    seen = set()
    for folder, below, files in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link back to a folder above
            below.clear()
            continue
        seen.add(real)
        parts = Path(folder).relative_to(path).parts
        entries |= {(*parts, name): None for name in below}
        entries |= {(*parts, name): Path(folder, name) for name in files}
    return entries


def _in_archive(path: Path) -> Entries:
    found = members(path, lambda name: _is_image(PurePosixPath(name).parts))
    return {
        PurePosixPath(name).parts: None if name.endswith("/") else content or b""
        for name, content in found.items()
        if PurePosixPath(name).parts
    }


def _content(item: Item) -> bytes:
    return item.read_bytes() if isinstance(item, Path) else item


def _is_image(parts: tuple[str, ...]) -> bool:
    return Path(parts[-1]).suffix.lower() in IMAGES


def _is_clutter(part: str) -> bool:
    return part.startswith(".") or part in CLUTTER
