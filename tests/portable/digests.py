"""Digests of numbers, and the file that keeps them: tests/portable.sha256.

A line is a digest, the size of the numbers (the mean of log(1 + |x|) of floats and pixels) and a name. The first line
says where the digests hold. Elsewhere (another processor, C library or version of a package) sizes alone are compared.

NumPy and PyTorch are imported where they are used: a process that computes pins its numerics first.
"""

import hashlib
import io
import json
import math
import platform
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from probeline.pipeline import numerics, versions

KEPT = Path(__file__).parent.parent / "portable.sha256"
UPDATE = "make portable UPDATE=1"


class Digest(NamedTuple):
    content: str
    size: float


def of(value: Any) -> Digest:
    """Of arrays, tensors, numbers, text and bytes, in whatever holds them."""
    import numpy as np

    content = hashlib.sha256()
    total, count = 0.0, 0
    for part in _parts(value):
        content.update(f"{part.dtype.str} {part.shape} ".encode() + part.tobytes())
        if part.dtype.kind == "f" or part.dtype == np.uint8:
            numbers = np.log1p(np.abs(part[np.isfinite(part)].astype("f8")))
            total, count = total + float(numbers.sum()), count + numbers.size
    return Digest(content.hexdigest()[:16], float(f"{total / max(count, 1):.4g}"))


def of_files(paths: Iterable[Path], root: Path) -> Digest:
    """Of what files hold, and of their names: numbers and pixels, without digests of code."""
    files = sorted(file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())
    return of([part for file in files for part in (file.relative_to(root).as_posix(), _held(file))])


def _held(file: Path) -> Any:
    import numpy as np
    from PIL import Image

    content = file.read_bytes()
    match file.suffix:
        case ".json":
            held = json.loads(content)
            if isinstance(held, dict):
                held.pop("code", None)
            return [json.dumps(held), *_numbers(held)]
        case ".png":
            return np.asarray(Image.open(io.BytesIO(content)))
        case ".npy":
            return np.load(io.BytesIO(content))
        case ".npz":
            return dict(np.load(io.BytesIO(content)))
        case ".pt":
            import torch

            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return content


def _numbers(held: Any) -> Iterator[float]:
    if isinstance(held, dict | list):
        for part in held.values() if isinstance(held, dict) else held:
            yield from _numbers(part)
    elif isinstance(held, float):
        yield held


def _parts(value: Any) -> Iterator[Any]:
    import numpy as np

    if hasattr(value, "detach"):
        value = value.detach().contiguous()
        value = (value.float() if "16" in str(value.dtype) else value).numpy()
    if isinstance(value, str | bytes):
        yield np.array(value)
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield np.array(name)
            yield from _parts(part)
    elif isinstance(value, Iterable) and not isinstance(value, np.ndarray):
        for part in value:
            yield from _parts(part)
    else:
        yield np.ascontiguousarray(value)


def here() -> str:
    """What else decides the digests: the C library, whose functions Python and NumPy call, Python and the packages."""
    packages = sorted({package for packages in versions.PACKAGES.values() for package in packages})
    known = ", ".join(f"{package} {versions.installed(package)}" for package in packages)
    return f"{' '.join(platform.libc_ver())}, Python {sys.version_info[0]}.{sys.version_info[1]}, {known}"


def read() -> tuple[str, dict[str, Digest]]:
    """Where the digests hold, and all of them by name."""
    first, *lines = KEPT.read_text(encoding="utf-8").splitlines()
    split = [line.split(maxsplit=2) for line in lines]
    return first.removeprefix("# "), {name: Digest(content, float(size)) for content, size, name in split}


def keep(found: Mapping[str, Digest], kind: str) -> None:
    """Write these digests in the place of all whose names begin with a kind."""
    others = {name: one for name, one in read()[1].items() if not name.startswith(kind)} if KEPT.exists() else {}
    every = sorted({**others, **found}.items())
    lines = [f"# {here()}", *(f"{content} {size:g} {name}" for name, (content, size) in every)]
    KEPT.write_text("\n".join(lines) + "\n", encoding="utf-8")


def elsewhere() -> str | None:
    """Why digests cannot be compared here; None where they can."""
    if (why := numerics.outside()) is not None:
        return why
    kept, now = read()[0].split(", "), here().split(", ")
    unlike = [f"{one} here and {other} there" for one, other in zip(now, kept, strict=True) if one != other]
    return ", ".join(unlike) or None


def unproven() -> bool:
    """Whether this is a processor of a kind on which the digests were never compared: one with AVX-512.

    It has instructions of its own that the pins must keep from being used. What differs there is a warning, until one
    has been seen to agree.
    """
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.is_file() and " avx512f " in cpuinfo.read_text(encoding="utf-8", errors="replace")


def unlike(found: Mapping[str, Digest], kind: str, tolerance: float) -> list[str]:
    """A line for every kept digest of a kind that was found otherwise, in the order in which they were found.

    Args:
        tolerance: Relative, of sizes, where digests cannot be compared.
    """
    kept = {name: one for name, one in read()[1].items() if name.startswith(kind)}
    why = elsewhere()
    lines = [f"{name}: is not in {KEPT.name}; run: {UPDATE}" for name in found if name not in kept]
    lines += [f"{name}: was not found; run: {UPDATE}" for name in kept if name not in found]
    for name in found:
        if name in kept and why is None and found[name].content != kept[name].content:
            line = f"{name}: other bytes than in {KEPT.name}"
            if unproven():
                warnings.warn(f"{line}, on a processor with AVX-512; please report it", stacklevel=2)
            else:
                lines.append(f"{line}; if they were meant to change, run: {UPDATE}")
        elif name in kept and why and not math.isclose(found[name].size, kept[name].size, rel_tol=tolerance):
            lines.append(f"{name}: {found[name].size:g}, and {kept[name].size:g} in {KEPT.name} (bytes: {why})")
    return lines
