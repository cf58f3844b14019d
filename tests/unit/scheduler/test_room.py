"""How many stages run at a time, and which first."""

from pathlib import Path

import pytest

from probeline.pipeline.errors import UserError
from probeline.scheduler import room


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight cores, 16 GiB, no GPU."""
    monkeypatch.setattr(room, "_cores", lambda: 8)
    monkeypatch.setattr(room, "_memory", lambda: 16 * 2**30)


@pytest.mark.usefixtures("machine")
def test_a_stage_with_one_thread_leaves_cores_to_others_as_far_as_memory_reaches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert room.jobs(None, "portable") == 5  # 3 GiB each
    assert room.jobs("", "native") == room.jobs(None, None) == 1
    monkeypatch.setenv("PROBELINE_THREADS", "4")
    assert room.jobs(None, "native") == 2
    monkeypatch.setattr(room, "_memory", lambda: 2**30)
    assert room.jobs(None, "portable") == 1
    assert room.jobs("7", "native") == 7  # the user knows


@pytest.mark.parametrize("asked", ["0", "-1", "two", "1.5", "1000"])
def test_what_is_no_number_of_stages_is_refused(asked: str) -> None:
    with pytest.raises(UserError, match=f"^JOBS={asked}: not a number of stages"):
        room.jobs(asked, "portable")


def test_a_container_gives_no_more_memory_than_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = room._memory()
    monkeypatch.setattr(room, "CGROUP", tmp_path / "memory.max")
    room.CGROUP.write_text("1048576\n")
    assert room._memory() == 2**20 < free
    room.CGROUP.write_text("max\n")
    assert room._memory() > 2**20


def test_a_gpu_is_used_where_there_is_one_and_nothing_hides_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(room, "DEVICES", tmp_path)
    assert not room.one_gpu()
    monkeypatch.setenv("PROBELINE_DEVICE", "cuda:1")
    assert room.one_gpu()
    monkeypatch.delenv("PROBELINE_DEVICE")
    (tmp_path / "nvidia0").touch()
    assert room.one_gpu()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not room.one_gpu()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PROBELINE_DEVICE", "cpu")
    assert not room.one_gpu()


def test_on_a_gpu_one_stage_computes_at_a_time() -> None:
    ready = ["train@b", "tsne@a", "probe@a"]
    assert room.startable(ready, ["train@a"], 3, gpu=True) == "tsne@a"
    assert room.startable(ready, ["tsne@b", "split@a"], 3, gpu=True) == "train@b"
    assert room.startable(["train@b"], ["train@a"], 3, gpu=True) is None
    assert room.startable(ready, ["train@a"], 3, gpu=False) == "train@b"
    assert room.startable(ready, ["train@a", "tsne@b"], 2, gpu=False) is None


def test_what_leads_to_the_longest_rest_comes_first() -> None:
    needs = {
        "check": [],
        "short": ["check"],
        "long": ["check"],
        "start-of-longest": ["check"],
        "longest": ["start-of-longest"],
        "summary": ["short", "long", "longest"],
    }
    seconds = {"check": 1, "short": 2, "long": 30, "start-of-longest": 1, "longest": 40, "summary": 5}
    assert room.by_urgency(needs, seconds) == ["check", "start-of-longest", "longest", "long", "short", "summary"]
    # Without times: the most stages in a row, and then the order of DVC.
    assert room.by_urgency(needs, {}) == ["check", "start-of-longest", "short", "long", "longest", "summary"]


def test_times_are_those_of_the_last_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBELINE_LOGS", str(tmp_path))
    assert room.times() == {}
    (tmp_path / "times.jsonl").write_text(
        '{"stage": "train@a", "seconds": 3.5}\n{"stage": "train@b", "seconds": 1}\n'
        '{"stage": "train@a", "seconds": 2.5}\n{"stage": "tra'
    )
    assert room.times() == {"train@a": 2.5, "train@b": 1.0}
