"""Environment variables: all in one table, with defaults, and refused in one line."""

import re
from pathlib import Path

import pytest

from probeline.compute import device
from probeline.pipeline import settings
from probeline.pipeline.errors import UserError
from tests.conftest import ROOT


def test_the_table_has_every_variable_that_the_source_names_and_no_other() -> None:
    sources = [path.read_text() for folder in ("src", "stages") for path in (ROOT / folder).rglob("*.py")]
    rows = re.compile(r'^    "PROBELINE_[A-Z_]+": Setting\(', re.MULTILINE)  # of the table itself
    named = {name for text in sources for name in re.findall(r"PROBELINE_[A-Z_]+", rows.sub("", text))}
    assert named == set(settings.SETTINGS)


def test_no_other_module_reads_one() -> None:
    for path in (ROOT / "src").rglob("*.py"):
        reads = re.findall(r"(?:environ\.get|environ|getenv)[\[(]\s*[\"']PROBELINE", path.read_text())
        assert not reads, path


def test_every_setting_has_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings.threads() is None
    assert settings.checkpoint_seconds() == 5
    found = {name: settings.folder(f"PROBELINE_{name}") for name in ("DOWNLOADS", "CHECKPOINTS", "LOGS")}
    here = tmp_path.resolve()
    assert found == {"DOWNLOADS": here / ".downloads", "CHECKPOINTS": here / ".checkpoints", "LOGS": here / "logs"}


def test_a_folder_counts_from_the_clone_that_dvc_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert settings.folder("PROBELINE_LOGS") == tmp_path.resolve() / "logs"
    monkeypatch.setenv("PROBELINE_LOGS", "elsewhere")
    assert settings.folder("PROBELINE_LOGS") == tmp_path.resolve() / "elsewhere"
    monkeypatch.setenv("PROBELINE_LOGS", "/tmp/logs")
    assert settings.folder("PROBELINE_LOGS") == Path("/tmp/logs")
    monkeypatch.setenv("PROBELINE_LOGS", "~/logs")
    assert settings.folder("PROBELINE_LOGS") == Path.home() / "logs"


def test_a_folder_without_a_default_is_never_named_after_the_words_of_the_table() -> None:
    assert settings.given("PROBELINE_MIRROR") is None
    with pytest.raises(AssertionError, match="PROBELINE_MIRROR has no default"):
        settings.folder("PROBELINE_MIRROR")


def test_nothing_is_as_good_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBELINE_THREADS", "")
    assert settings.threads() is None


def test_a_number_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBELINE_THREADS", "12")
    monkeypatch.setenv("PROBELINE_CHECKPOINT_SECONDS", "0.5")
    assert (settings.threads(), settings.checkpoint_seconds()) == (12, 0.5)


@pytest.mark.parametrize("value", ["0", "-1", "two", "1000", "1.5", " 2", "\u0662"])
def test_threads_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PROBELINE_THREADS", value)
    with pytest.raises(UserError) as error:
        settings.threads()
    assert error.value.lines == (f"PROBELINE_THREADS={value}: not a number of threads; give 1 to 999, or unset it",)


@pytest.mark.parametrize("value", ["-1", "soon", "nan"])
def test_seconds_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PROBELINE_CHECKPOINT_SECONDS", value)
    with pytest.raises(UserError, match=rf"^PROBELINE_CHECKPOINT_SECONDS={value}: not a number of seconds; give 0"):
        settings.checkpoint_seconds()


def test_a_folder_of_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBELINE_LOGS", "~no-such-user/logs")
    with pytest.raises(UserError, match=r"^PROBELINE_LOGS=~no-such-user/logs: there is no such user; name a folder$"):
        settings.folder("PROBELINE_LOGS")


@pytest.mark.parametrize("value", ["gpu", "meta", "cuda:77"])
def test_a_device_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PROBELINE_DEVICE", value)
    with pytest.raises(UserError) as error:
        device.choose()
    (line,) = error.value.lines
    assert line.startswith(f"PROBELINE_DEVICE={value}: cannot be used (")
    assert line.endswith("); use cpu or cuda, or unset it")
