"""Operations give the bytes that stand in tests/portable.sha256, on this machine and on processors that are emulated.

Where a stage's bytes differ on some machine, the first operation that differs here says why.
"""

import pytest

from tests.conftest import ROOT
from tests.portable import digests, emulated
from tests.portable.operations import KIND, TABLES

TOLERANCE = 1e-3


def computed(processor: str | None, *arguments: str) -> dict[str, digests.Digest]:
    done = emulated.python(processor, "-m", "tests.portable.operations", *arguments, cwd=ROOT)
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"ended after: {lines[-1:]}; {done.stderr[-2000:]}"
    return {name: digests.Digest(content, float(size)) for content, size, name in lines}


def test_this_machine_gives_the_kept_bytes(*, update_portable: bool) -> None:
    found = computed(None)
    if update_portable:
        digests.keep(found, KIND)
    assert digests.unlike(found, KIND, TOLERANCE) == []


@pytest.mark.portable
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("processor", emulated.PROCESSORS)
def test_another_processor_gives_the_same_bytes(processor: str, table: str) -> None:
    here, there = (computed(one, "--emulated", table) for one in (None, processor))
    assert [name for name in here if here[name] != there[name]] == []
