"""The scoreboard in the README."""

from pathlib import Path

import pytest

from probeline.report import readme
from tests.conftest import ROOT

MARKED = "# Mine\n\n<!-- scoreboard -->\nold\n<!-- /scoreboard -->\nrest\n"


def test_what_is_between_the_marks_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("metrics").mkdir()
    Path("metrics/scoreboard.md").write_text("| new \\1 |\n")
    Path("README.md").write_text(MARKED)
    for _ in range(2):
        readme.main()
        assert Path("README.md").read_text() == MARKED.replace("old\n", "| new \\1 |\n")


def test_a_readme_without_marks_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"README.md: No such file or directory; run from the clone"):
        readme.main()
    Path("metrics").mkdir()
    Path("metrics/scoreboard.md").write_text("x\n")
    Path("README.md").write_text("# Mine\n")
    with pytest.raises(SystemExit, match=r"README.md: has no lines <!-- scoreboard --> and <!-- /scoreboard -->"):
        readme.main()


def test_the_readme_has_the_scoreboard_of_the_metrics() -> None:
    board = ROOT / "metrics/scoreboard.md"
    part = readme.part((ROOT / "README.md").read_text())
    if part is None or not board.exists():
        pytest.skip("the README has no marks yet, or the summary has not run")
    assert part == board.read_text(), "run: python -m probeline.report.readme"
