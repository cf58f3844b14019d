"""The user's own image files: a folder for each class, as they are or in an archive."""

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal
from unicodedata import normalize

import numpy as np
from pydantic import Field

from probeline.datasets._decode import decode, digest
from probeline.datasets._raw import Files, Raw, named
from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.pipeline.progress import bar, say
from probeline.sources.archives import members
from probeline.sources.own import locate, pin, some

IMAGES = {
    ".avif", ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
}  # fmt: skip
# What systems leave behind, beside whatever begins with a dot: macOS, Windows, Synology, QNAP.
CLUTTER = {
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information",
    "lost+found", "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot",
}  # fmt: skip
ROLES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
}  # the spellings of folders for splits, in small letters
Item = Path | bytes  # a file, or the content of an archive's member
Entries = dict[tuple[str, ...], Item | None]  # the parts of a path -> a file; None for a folder
SHOWN = 10  # the most lines for images or folders
APART = "name them train/ and test/"


class Spec(params.Spec):
    """`kind: image_folder`; `path` of a folder, .zip, .tar or .tar.gz; `sha256` of its content."""

    CHANNELS: ClassVar = 3
    ONE_SIZE: ClassVar = False

    kind: Literal["image_folder"]
    path: str = Field(min_length=1)
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


def read(spec: Spec, name: str) -> Raw:  # noqa: ARG001 (every kind has this signature)
    """Read `<class>/<file>`, or `train/<class>/<file>` and `test/<class>/<file>`; every image is decoded once.

    Folders for splits are known by ROLES, in any case; a layout that could be read in two ways is refused. Classes are
    sorted by name, and files within a class. The digest is that of the lines
    `<sha256 of the file>  <split>/<class>/<file>`, so that a folder and an archive of it have the same.

    Raises:
        UserError: There are no class folders, empty ones, other classes in test than in train, a layout that is
            neither, or folders or images that cannot be read: one line each.
        ParamError: `path` names nothing, or `sha256` is not that of the content.
    """
    path = locate(spec.path)
    entries = _in_folder(path) if path.is_dir() else _in_archive(path)
    splits = {split: _classes(*found) for split, found in _splits(spec.path, entries).items()}
    classes = named(spec.path, "the class folder", sorted(splits["train"]))
    _insist_on_the_same(spec.path, splits)
    where = {
        f"{split}/{label}/{file}": found[label][file]
        for split, found in splits.items()
        for label in classes
        for file in sorted(found[label])
    }
    sha256, digests = _verify(spec.path, where)
    pin(spec.path, sha256, spec.sha256)
    return Raw(
        classes,
        {
            split: np.repeat(np.arange(len(classes)), [len(found[label]) for label in classes])
            for split, found in splits.items()
        },
        Files(
            lambda key: _content(where[key]),
            {split: tuple(key.partition("/")[2] for key in where if key.startswith(f"{split}/")) for split in splits},
            {
                split: np.array([digests[key] for key in where if key.startswith(f"{split}/")], np.uint64)
                for split in splits
            },
        ),
    )


def _verify(path: str, where: Mapping[str, Item]) -> tuple[str, dict[str, int]]:
    """Decode every image; the SHA-256 of them all, and the digest of the pixels of each."""
    sha256 = hashlib.sha256()
    digests: dict[str, int] = {}
    damaged: list[str] = []
    for key in bar(f"reading {path}", iterable=where):
        item = where[key]
        try:
            content = _content(item)
            sha256.update(f"{hashlib.sha256(content).hexdigest()}  {key}\n".encode())
            name = f"{path}: {key}" if isinstance(item, bytes) else str(item)
            digests[key] = digest(np.asarray(decode(content, name)))
        except UserError as error:
            damaged.extend(error.lines)
        except OSError as error:
            damaged.append(f"{item!s}: cannot be read: {error.strerror}; allow it or remove the file")
        except UnicodeEncodeError:
            damaged.append(f"{path}: {key!r}: a name that is not UTF-8; give it another")
    if damaged:
        more = len(damaged) - SHOWN
        raise UserError(*damaged[:SHOWN], *([f"{path}: {more} more damaged images"] if more > 0 else []))
    return sha256.hexdigest(), digests


def _splits(path: str, entries: Entries) -> dict[str, tuple[str, Entries]]:
    """Where each split is, for messages, and its entries: those below the folders for splits, or all as train."""
    entries = _tidied(path, entries)
    tops = _tops(entries)
    # An archive often holds one folder that holds everything.
    while (
        len(tops) == 1
        and not any(map(_role, tops))
        and all(parts[2:] for parts, item in entries.items() if item is not None and parts[1:])
    ):
        _say_skipped(path, "images that are in no class folder", _loose(entries))
        entries = {parts[1:]: item for parts, item in entries.items() if parts[1:]}
        tops = _tops(entries)
    if not tops or not all(map(_role, tops)):
        _insist_on_classes(path, entries, tops)
        return {"train": (path, entries)}
    folder: dict[str | None, str] = {}
    for top in sorted(tops):
        if other := folder.get(_role(top)):
            raise UserError(f"{path}: has both {other}/ and {top}/, which say the same; put their images into one")
        folder[_role(top)] = top
    if "train" not in folder:
        raise UserError(
            f"{path}: has {some([f'{top}/' for top in sorted(tops)])} but no train/; "
            "add it, or give the path of the folder that holds the classes"
        )
    if strange := folder.get("validation"):
        raise UserError(
            f"{path}: has {strange}/ beside {folder['train']}/; a task draws its own validation images, "
            f"so move those of {strange}/ into train/ or test/, or elsewhere"
        )
    _say_skipped(path, "images that are in no class folder", _loose(entries))
    return {
        split: (
            f"{path}/{folder[split]}" if "test" in folder else path,
            {parts[1:]: item for parts, item in entries.items() if parts[0] == folder[split] and parts[1:]},
        )
        for split in ("train", "test")
        if split in folder
    }


def _tidied(path: str, entries: Entries) -> Entries:
    """The images and all folders that anything is in, without what systems leave behind; says what is left out."""
    for parts in list(entries):  # a zip need not list its folders
        entries |= {parts[:end]: None for end in range(1, len(parts)) if parts[:end] not in entries}
    clutter = {parts: next(filter(_is_clutter, parts), None) for parts in entries}
    hidden = {parts for parts, part in clutter.items() if part is not None}
    # A hidden folder may hold a class, such as .net; what the systems themselves leave is no news.
    said = {parts for parts in hidden if clutter[parts] == parts[-1] and parts[-1][0] == "." and parts[-1][:2] != "._"}
    said = {parts for parts in said if entries[parts] is None or _is_image(parts)}
    _say_skipped(path, "hidden folders and images", said)
    files = {parts for parts, item in entries.items() if item is not None}
    others = {parts for parts in files - hidden if not _is_image(parts)}
    _say_skipped(path, "files that are no images by their names", others)
    return {parts: item for parts, item in entries.items() if parts not in hidden | others}


def _insist_on_classes(path: str, entries: Entries, tops: set[str]) -> None:
    """Refuse class folders among which, or in which, there are folders for splits.

    Raises:
        UserError: It says how each reading fails.
    """
    direct = {parts[0] for parts, item in entries.items() if item is not None and len(parts) == 2}
    marked = {top: hint for top in sorted(tops - direct) if (hint := _hint(top))}  # a class may be called train
    named = next((top for top in marked if _role(top)), None)
    if named or ("train" in marked.values() and len(set(marked.values())) > 1):
        rest = some([f"{top}/" for top in sorted(tops - marked.keys())]) or "no other"
        raise UserError(
            f"{path}: cannot tell splits from classes: {some([f'{top}/' for top in marked])} beside {rest}; "
            "for splits name them train/ and test/ and move the rest elsewhere; images of a class go directly into it"
        )
    if "train" in (hints := set(map(_hint, tops))) and hints & {"test", "validation"}:
        say(f"warning: {path}: the classes {some(sorted(filter(_hint, tops)))} have names of splits; if so, {APART}")
    folders = {top: _folders(entries, top) for top in sorted(tops)}
    if not direct and len(tops) > 1 and (same := set.intersection(*folders.values())):
        say(
            f"warning: {path}: each of the classes {some(sorted(tops))} has the folders {some(sorted(same))}; "
            f"if these are the classes and those are splits, {APART}"
        )
    for top, inside in folders.items():
        below = {_role(name): name for name in inside}
        if "train" in below and below.keys() & {"test", "validation"}:
            raise UserError(
                f"{path}: has folders for splits inside of {top}/ ({below['train']}/ and others); "
                "put the classes into train/ and test/, not the other way round"
            )


def _folders(entries: Entries, top: str) -> set[str]:
    return {parts[1] for parts, item in entries.items() if parts[0] == top and item is None and parts[1:]}


def _insist_on_the_same(path: str, splits: Mapping[str, Mapping[str, object]]) -> None:
    """Refuse another set of classes in test than in train."""
    train, test = (set(splits.get(split, splits["train"])) for split in ("train", "test"))
    if not (odd := sorted(train ^ test)):
        return
    why = ""
    if {normalize("NFC", name) for name in train} == {normalize("NFC", name) for name in test}:
        why = ": the same letters, in two forms of Unicode (NFC and NFD, of a Mac); rename one of them"
    raise UserError(f"{path}: train and test need the same class folders; only one has {some(odd)}{why}")


def _classes(path: str, entries: Entries) -> dict[str, dict[str, Item]]:
    """Class folder -> file below it -> where its bytes are."""
    found: dict[str, dict[str, Item]] = {parts[0]: {} for parts, item in entries.items() if item is None}
    for parts, item in entries.items():
        if item is not None and parts[1:]:
            found[parts[0]]["/".join(parts[1:])] = item
    if not found:
        raise UserError(f"{path}: has no class folders; put the images of each class into a folder of its name")
    _say_skipped(path, "images that are in no class folder", _loose(entries))
    if empty := sorted(label for label, files in found.items() if not files):
        raise UserError(
            *(f"{path}: the class folder {some([label])} has no images; fill or remove it" for label in empty[:SHOWN])
        )
    return found


def _in_folder(path: Path) -> Entries:
    entries: Entries = {}
    left: list[tuple[Path, frozenset[str]]] = [(path, frozenset())]  # and the folders that each is in
    while left:
        folder, above = left.pop()
        real = os.path.realpath(folder)
        if real in above:  # a link back to a folder that it is in
            continue
        try:
            for item in folder.iterdir():
                is_folder = item.is_dir()
                entries[item.relative_to(path).parts] = None if is_folder else item
                if is_folder and not _is_clutter(item.name):
                    left.append((item, above | {real}))
        except OSError as error:
            raise UserError(f"{folder}: cannot be read: {error.strerror}; allow it, or move it elsewhere") from error
    return entries


def _in_archive(path: Path) -> Entries:
    found = members(path, lambda name: _is_image(PurePosixPath(name).parts))
    return {
        PurePosixPath(name).parts: None if name.endswith("/") else content or b""
        for name, content in found.items()
        if PurePosixPath(name).parts
    }


def _content(item: Item) -> bytes:
    if isinstance(item, bytes):
        return item
    if not stat.S_ISREG(item.stat().st_mode):  # reading a pipe would wait for ever
        raise UserError(f"{item}: is a pipe or a device, no file; remove it")
    return item.read_bytes()


def _say_skipped(path: str, what: str, names: Iterable[tuple[str, ...]]) -> None:
    if skipped := sorted("/".join(parts) for parts in names):
        say(f"warning: {path}: skipped {len(skipped)} {what}: {some(skipped)}")


def _tops(entries: Entries) -> set[str]:
    return {parts[0] for parts, item in entries.items() if item is None}


def _loose(entries: Entries) -> list[tuple[str, ...]]:
    return [parts for parts, item in entries.items() if item is not None and len(parts) == 1]


def _role(name: str) -> str | None:
    return ROLES.get(name.casefold())


def _hint(name: str) -> str | None:
    """The role that a name such as training_set, seg_test, trainB or TestSet has in it."""
    words = re.findall("[^\\W_0-9]+", re.sub("([a-z])([A-Z])", r"\1 \2", normalize("NFKC", name)))
    return next(filter(None, (_role(word.casefold().removesuffix("set")) for word in words)), None)


def _is_image(parts: tuple[str, ...]) -> bool:
    return Path(parts[-1]).suffix.lower() in IMAGES


def _is_clutter(part: str) -> bool:
    return part.startswith(".") or part.casefold() in CLUTTER
