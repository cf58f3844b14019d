"""`make repro` leaves what `dvc repro` leaves, whatever stops it."""

import os
import random
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.conftest import dvc
from tests.pipeline import toy
from tests.pipeline.running import KILLS, change, contents, killed_midway, ran

pytestmark = pytest.mark.slow  # minutes: `make test-slow`
SCHEDULER = ("-m", "probeline.scheduler.run")
REPRO = ("-m", "dvc", "repro")
STAGES = ["check", *(f"{kind}@{part}" for part in "abc" for kind in ("one", "two")), "summary"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline in which nothing has run."""
    return toy.make(tmp_path_factory.mktemp("toy") / "with a space")


@pytest.fixture(scope="module")
def undisturbed(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after `dvc repro`."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("undisturbed") / "with a space"))
    assert toy.run(folder, *REPRO).returncode == 0
    return folder


@pytest.fixture
def fresh(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "with a space"))


@pytest.fixture
def complete(undisturbed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(undisturbed, tmp_path / "with a space"))


def scheduled(folder: Path, *arguments: str, status: int = 0) -> dict[str, list[str]]:
    """Run the scheduler, and give the stages that it names, by what it says of them."""
    done = toy.run(folder, *SCHEDULER, *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    return {
        how: re.findall(rf"^{how} +(\S+)", done.stdout, re.MULTILINE)
        for how in ("start", "done", "from cache", "failed")
    } | {"errors": done.stderr.splitlines(), "said": done.stdout.splitlines()}


def clean(folder: Path) -> None:
    status = toy.run(folder, "-m", "dvc", "status")
    assert "up to date" in status.stdout, status.stdout + status.stderr


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_it_leaves_what_dvc_repro_leaves(fresh: Path, undisturbed: Path, jobs: str) -> None:
    said = scheduled(fresh, "--jobs", jobs)
    assert sorted(said["done"]) == sorted(STAGES)
    assert toy.left(fresh) == toy.left(undisturbed)
    clean(fresh)
    assert scheduled(fresh, "--jobs", jobs)["start"] == []
    # What a stage says keeps its name, line by line.
    assert [line for line in said["said"] if line.startswith("one@b")] == ["one@b | one-b begins", "one@b | and sleeps"]


def test_an_edit_reruns_what_depends_on_it_and_the_way_back_comes_from_the_cache(complete: Path) -> None:
    before = toy.left(complete)
    toy.write_parts(complete, b=20)
    assert scheduled(complete, "--jobs", "2")["done"] == ["check", "one@b", "two@b", "summary"]
    assert toy.left(complete)["out/text"] != before["out/text"]
    clean(complete)
    toy.write_parts(complete)
    back = scheduled(complete, "--jobs", "2")
    assert (back["done"], back["from cache"]) == (["check", "summary"], ["one@b", "two@b"])
    assert toy.left(complete) == before
    clean(complete)


def test_missing_outputs_come_back_from_the_cache(complete: Path) -> None:
    before = toy.left(complete)
    shutil.rmtree(complete / "data/one-a")
    (complete / "data/two-b/text").unlink()
    assert scheduled(complete)["from cache"] == ["one@a", "two@b"]
    assert toy.left(complete) == before


def test_a_stage_that_fails_stops_what_needs_it_and_nothing_else(complete: Path, undisturbed: Path) -> None:
    toy.write_parts(complete, a=-1, c=30)
    said = scheduled(complete, "--jobs", "2", status=1)
    assert said["failed"] == ["one@a"]
    assert sorted(said["done"]) == ["check", "one@c", "two@c"]
    assert said["errors"] == [
        "error: one@a: exit status 1",
        "  error: parts.a: is negative",
        "  error: and a second line",
        "error: not run, for they need what failed: two@a, summary",
    ]
    assert (complete / "out/text").read_bytes() == (undisturbed / "out/text").read_bytes()
    toy.write_parts(complete)
    assert toy.run(complete, *REPRO).returncode == 0
    assert toy.left(complete) == toy.left(undisturbed)


def test_a_stage_that_forgets_an_output_or_finds_no_input_fails_in_one_line(complete: Path) -> None:
    toy.write_parts(complete, b=0)
    (complete / "ours").unlink()
    said = scheduled(complete, "--jobs", "2", status=1)
    assert "error: one@b: output 'data/one-b' does not exist\n  one-b begins\n" in "\n".join(said["errors"])
    assert {"error: two@a: ours: No such file or directory", "error: two@c: ours: No such file or directory"} < {
        *said["errors"]
    }


def test_targets_run_with_what_they_need(fresh: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(fresh, tmp_path / "other"))
    assert sorted(scheduled(fresh, "--jobs", "2", "two@b", "one@c")["done"]) == ["check", "one@b", "one@c", "two@b"]
    assert toy.run(other, *REPRO, "two@b", "one@c").returncode == 0
    assert toy.left(fresh) == toy.left(other)
    assert sorted(scheduled(fresh, "one")["done"]) == ["one@a"]  # a group of stages
    assert scheduled(fresh, "two@d", status=1)["errors"] == ["error: unknown stage 'two@d'; did you mean 'two@c'?"]
    assert scheduled(fresh, "--jobs", "none", status=1)["errors"][0].startswith("error: JOBS=none: not a number")


def test_a_second_one_refuses_while_the_first_is_at_work(fresh: Path, undisturbed: Path) -> None:
    first = toy.start(fresh, *SCHEDULER, "--jobs", "2")
    assert first.stdout is not None
    assert "stages" in first.stdout.readline()
    os.kill(first.pid, signal.SIGSTOP)  # so that it does not end meanwhile
    second, third = toy.start(fresh, *SCHEDULER), toy.start(fresh, *REPRO)
    try:
        assert second.communicate()[0] == (
            "error: another dvc is at work in this folder; wait for its end, and run the same again\n"
        )
        assert "Unable to acquire lock" in third.communicate()[0]
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert "8 of 8" in first.communicate()[0]
    assert toy.left(fresh) == toy.left(undisturbed)


def test_it_refuses_while_dvc_repro_is_at_work(fresh: Path, undisturbed: Path) -> None:
    first = toy.start(fresh, *REPRO)
    assert first.stdout is not None
    for line in first.stdout:
        if "sleeps" in line:
            break
    stage = psutil.Process(first.pid).children()[0]
    stage.suspend()  # its dvc has let go of the lock of the folder
    assert scheduled(fresh, status=1)["errors"][0].startswith("error: another dvc is at work in this folder")
    stage.resume()
    first.communicate()
    assert first.returncode == 0
    assert toy.left(fresh) == toy.left(undisturbed)


@pytest.fixture
def heard() -> Iterator[None]:
    """What starts now hears Ctrl-C, also where pytest itself does not (`&` in a script)."""
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, kept)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_its_stages_and_goes_on_later(
    fresh: Path, undisturbed: Path, number: signal.Signals
) -> None:
    started = toy.start(fresh, *SCHEDULER, "--jobs", "3")
    assert started.stdout is not None
    for line in started.stdout:
        if re.match("start +one", line):
            break
    stages = psutil.Process(started.pid).children(recursive=True)
    os.killpg(started.pid, number)  # as a terminal does
    said = started.communicate()[0]
    assert started.returncode == 128 + number, said
    assert said.endswith("error: interrupted; the same command goes on from here\n")
    assert "Traceback" not in said
    assert not [stage for stage in stages if stage.is_running()]
    assert "check" not in scheduled(fresh)["start"]  # dvc.lock was written
    assert toy.left(fresh) == toy.left(undisturbed)


def victims(scheduler: int, whom: str) -> Iterator[int]:
    children = psutil.Process(scheduler).children(recursive=True)
    if whom in {"stage", "all"}:
        yield from [child.pid for child in children][: 1 if whom == "stage" else None]
    if whom in {"scheduler", "all"}:
        yield scheduler


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_moments_dvc_repro_ends_with_the_same_bytes(fresh: Path, undisturbed: Path, seed: int) -> None:
    chance = random.Random(seed)
    killed = 0
    for _ in range(7):
        started = toy.start(fresh, *SCHEDULER, "--jobs", "3")
        assert started.stdout is not None
        for line in started.stdout:  # it begins after seconds of imports
            if chance.random() < 0.12 and "stages" not in line:
                break
        time.sleep(chance.random() * 0.3)
        with suppress(psutil.NoSuchProcess):
            for victim in victims(started.pid, chance.choice(["scheduler", "stage", "all"])):
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    killed += 1
        said = started.communicate()[0]
        assert "Traceback" not in said, said
        if started.returncode == 0:
            shutil.rmtree(fresh / "data")
            shutil.rmtree(fresh / ".dvc/cache")
            (fresh / "dvc.lock").unlink()
    assert killed
    done = toy.run(fresh, *REPRO)
    assert done.returncode == 0, done.stdout + done.stderr
    assert toy.left(fresh) == toy.left(undisturbed)
    clean(fresh)


@pytest.mark.parametrize("victim", KILLS)
def test_a_real_stage_goes_on_from_its_checkpoint(project: Path, victim: str) -> None:
    change(project, "train.svm.epochs", 40 + KILLS.index(victim))
    scheduler = (".venv/bin/python", *SCHEDULER, "--jobs", "2")
    killed_midway(project, victim, "train@svm", "train@softmax", program=scheduler)
    assert not (project / "data/models/svm").exists()
    continued = dvc(project, "repro", "train@svm")
    assert ran(continued) == ["train@svm"]  # `check` had been entered into dvc.lock
    assert "goes on from step" in continued.stdout + continued.stderr
    found = contents(project / "data/models/svm") | contents(project / "data/results/train/svm")
    assert ran(dvc(project, "repro", "--force", "--single-item", "train@svm")) == ["train@svm"]
    assert contents(project / "data/models/svm") | contents(project / "data/results/train/svm") == found
