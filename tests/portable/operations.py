"""A table of operations, and digests of their results: `python -m tests.portable.operations [--emulated] [TABLE ...]`.

Each line is a digest, a size and a name, as in tests/portable.sha256, and comes as soon as it is known.
"""

import importlib
import sys
from collections.abc import Iterable

from probeline.pipeline import numerics
from tests.portable import digests

TABLES = ("tensors", "arrays", "pictures")
KIND = "operation "


def main(tables: Iterable[str], *, emulated: bool) -> None:
    """Compute every operation of some tables, with portable numerics.

    Args:
        emulated: Leave out what qemu cannot run.
    """
    numerics.pin("portable")
    for table in tables:
        module = importlib.import_module(f"tests.portable.{table}")
        for group in (*module.GROUPS, *(() if emulated else module.NOT_EMULATED)):
            for operation, value in group():
                content, size = digests.of(value)
                print(content, f"{size:g}", f"{KIND}{table}: {operation}", flush=True)


if __name__ == "__main__":
    wanted = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    main(wanted or TABLES, emulated="--emulated" in sys.argv)
