"""What a user reads while the pipeline runs."""

import pytest

from probeline.scheduler.view import KEPT, View


def test_lines_of_stages_keep_their_names_and_count_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    view = View(["split@digits", "train@a", "train@b"], 2)
    view.end("split@digits", "unchanged")
    view.start("train@a")
    view.said("train@a", "warning: odd")
    view.said("train@a", "train@a seed 0: fine")
    view.said("train@a", "")
    view.end("train@a", "done")
    view.end("train@b", "from cache")
    view.close()
    assert capsys.readouterr().out.splitlines() == [
        "3 stages, 2 at a time",
        "start      train@a",
        "train@a | warning: odd",
        "train@a seed 0: fine",
        "train@a | ",
        "done       train@a          0.0 s   2 of 3",
        "from cache train@b                  3 of 3",
    ]


def test_a_stage_that_failed_has_its_errors_as_last_words_or_else_its_end() -> None:
    view = View(["train@a"], 1)
    view.start("train@a")
    for number in range(30):
        view.said("train@a", f"line {number}")
    assert view.last_words("train@a") == [f"line {number}" for number in range(30 - KEPT, 30)]
    view.said("train@a", "error: params.yaml: odd")
    view.said("train@a", "error: params.yaml: odd too")
    assert view.last_words("train@a") == ["error: params.yaml: odd", "error: params.yaml: odd too"]
