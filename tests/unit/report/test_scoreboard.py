"""The scoreboard, read back from its Markdown."""

import pytest

from probeline.report import probes, runs, scoreboard
from probeline.report.claims import Claim, Claims
from probeline.report.intervals import of_share
from probeline.report.load import Encoder, Results
from tests.unit.report import made

STATED = {
    "C1.test_accuracy": Claim(of="train.c1", value="test_accuracy", reported=0.785),
    "D10.test_accuracy": Claim(of="train.gone", value="test_accuracy", reported=0.9787),
    "E4.test_accuracy.lp": Claim(of="probes.mine-made", value="gradient_test_accuracy", reported=0.857),
}


def board(results: Results, stated: Claims) -> dict[str, list[str]]:
    tables = runs.table(results.runs, []), probes.table(results.probes, results.runs, [])
    lines = scoreboard.scoreboard(results, stated, *tables).splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    assert len({len(row) for row in rows}) == 1
    return {row[0]: row[2:] for row in rows[2:]}


@pytest.fixture
def results() -> Results:
    return Results(
        metrics=[],
        tasks={"made": made.labels()},
        runs={
            "c1": made.run(2, report_id="C1"),
            "c2": made.run(2, 3, report_id="C2"),
            "c2-more": made.run(1, report_id="C2"),
            "own": made.run(1, report_id="mine"),
        },
        probes={"mine-made": made.encoder()},
        maps={"mine-made": made.tsne_map()},
        sweeps={"d6": made.sweep([made.point(1.0, 0, 0, 0.5, 0.5)])},
        lessons={},
    )


def test_each_report_has_what_was_run_of_it(results: Results) -> None:
    found = board(results, STATED)
    low, high = of_share(8, 10)
    assert list(found) == ["A", "B", "C", "D", "E"]
    assert found["A"] == ["1 of 9", "1 map", "made", "-", "-"]
    assert found["B"] == ["0 of 7", "none", "-", "-", "-"]
    assert found["C"] == ["2 of 5", "3 runs", "made", "C1: 0.785", f"0.8000 ({low:.3f} to {high:.3f}), `c1`"]
    assert found["D"] == ["1 of 14", "1 sweep", "made", "D10: 0.9787", "-"]
    assert found["E"] == ["1 of 4", "1 probed encoder", "made", "E4: 0.857", "0.6000, `mine-made`"]


def test_a_probe_on_one_resample_has_the_interval_of_its_images(results: Results) -> None:
    record, fits = results.probes["mine-made"].record, results.probes["mine-made"].fits
    one = record.model_copy(update={"resamples": record.resamples[:1]})
    results.probes["mine-made"] = Encoder(one, fits[:1])
    low, high = of_share(6, 10)
    assert board(results, STATED)["E"][-1] == f"0.6000 ({low:.3f} to {high:.3f}), `mine-made`"


def test_a_lesson_has_the_ids_of_its_parts() -> None:
    found = list(scoreboard._lesson("mnist", "cifar10", ["d8", "d9-lr-001", "d9-lr-0001"]))
    assert {report_id for report_id, _, _ in found} == {"D5", "D7", "D8", "D9", "D12", "D13", "D14"}
    assert [(kind, tasks) for _, kind, tasks in found if kind] == [("lesson", ["mnist", "cifar10"])]


def test_a_run_that_diverged_has_no_number(results: Results) -> None:
    results.runs["c1"] = made.run(None, report_id="C1")
    assert board(results, STATED)["C"][-2:] == ["C1: 0.785", "-"]
