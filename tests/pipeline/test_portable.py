"""Stages of the preset `smoke` give the bytes that stand in tests/portable.sha256, here and on emulated processors."""

import shutil
from pathlib import Path

import pytest

from tests.pipeline.auditing import NAMES, Audited, declared
from tests.portable import digests, emulated

KIND = "stage "
TOLERANCE = 0.1  # of the sizes of all numbers of a stage, on a machine whose digits differ: trainings drift apart
# One of each kind, and what else uses operations of its own. train@convnet turns images, which qemu 7.2 cannot.
EMULATED = ("fetch@digits", "split@digits", "train@triplet", "train@softmax", "transfer@deeper-head", "embed@trained",
            "probe@trained", "tsne@trained", "finetune@tuned", "sweep@rates", "sweep@optimizers", "lesson@d",
            "summary")  # fmt: skip


def left(folder: Path, outs: set[str]) -> digests.Digest:
    return digests.of_files([folder / out for out in sorted(outs)], folder)


def test_stages_give_the_kept_bytes(audited: Audited, *, update_portable: bool) -> None:
    stages = declared(audited.folder)
    # What `check` leaves are digests of code and versions.
    found = {KIND + name: left(audited.folder, stages[name].outs) for name in NAMES if name != "check"}
    if update_portable:
        digests.keep(found, KIND)
    assert digests.unlike(found, KIND, TOLERANCE) == []


@pytest.mark.portable
@pytest.mark.parametrize("processor", emulated.PROCESSORS)
@pytest.mark.parametrize("name", EMULATED)
def test_another_processor_leaves_the_same_bytes(audited: Audited, tmp_path: Path, name: str, processor: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(audited.folder, folder, symlinks=True)
    outs = declared(folder)[name].outs
    for out in outs:
        shutil.rmtree(folder / out)
    kind, _, entry = name.partition("@")
    done = emulated.python(processor, f"stages/{kind}.py", *([entry] if entry else []), cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    assert left(folder, outs) == left(audited.folder, outs)
