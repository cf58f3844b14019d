"""claims.yaml: what it may hold, and the file of this repository."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from probeline.pipeline.errors import UserError
from probeline.probes._spec import Probes
from probeline.report import claims
from probeline.training.spec import Run
from tests.conftest import ROOT

GOOD = "{of: train.mine, value: test_accuracy, reported: 0.5}"


def load(text: str, tmp_path: Path) -> claims.Claims:
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    return claims.load(path)


def test_a_claim_is_read(tmp_path: Path) -> None:
    found = load(f"A1.test_accuracy: {GOOD}\n", tmp_path)
    assert claims.reported(found, "train.mine", "test_accuracy") == 0.5
    assert claims.reported(found, "train.mine", "validation_accuracy") is None
    assert claims.reported(found, "train.other", "test_accuracy") is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GOOD.replace("of", "off"), r"claims.yaml: A1.a: unknown key 'off'; did you mean 'of'\?"),
        (GOOD.replace("0.5", "81.5"), r"claims.yaml: A1.a.reported: should be less than or equal to 1, not 81.5"),
        (GOOD.replace("train.mine", "mine"), r"claims.yaml: A1.a.of: is 'mine'; name an entry of train"),
        (GOOD.replace("test_acc", "test_los"), r"claims.yaml: A1.a.value: is 'test_losuracy'; give"),
        ("{of: train.mine, value: test_accuracy}", r"claims.yaml: A1.a.reported: is missing; add it"),
    ],
)
def test_a_mistake_is_one_line(text: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=line):
        load(f"A1.a: {text}\n", tmp_path)


def test_every_mistake_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load(f"A1.a: {{}}\nA2.b: {GOOD}\nA3.c: 1\n", tmp_path)
    assert {re.findall(r"[A-E]\d\.\w", line)[0] for line in caught.value.lines} == {"A1.a", "A3.c"}


@pytest.mark.parametrize("name", ["A1", "A1.", ".a", "A1 a.b", "A1.a-b c", "7", "A1..b"])
def test_an_odd_id_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        load(f"{name!r}: {GOOD}\n", tmp_path)
    (line,) = error.value.lines
    assert line.endswith(f"the id '{name}' is not that of an experiment, a dot and a word; write A1.test_accuracy")


@pytest.mark.parametrize(
    ("of", "value", "line"),
    [
        ("train.mine", "logistic_test_accuracy", "value of train.mine 'logistic_test_accuracy'; did you mean 'test_a"),
        ("train.embeds", "test_accuracy", "unknown value of train.embeds 'test_accuracy'; there is: none"),
        ("probes.mine", "test_accuracy", "value of probes.mine 'test_accuracy'; did you mean 'knn_test_accuracy'?"),
        ("probes.mine", "gradient_test_accuracy", "unknown value of probes.mine 'gradient_test_accuracy'; did you mea"),
    ],
)
def test_a_value_that_its_entry_will_not_have_is_found_before_anything_runs(of: str, value: str, line: str) -> None:
    run = {
        "report_id": "D1", "task": "small", "model": {"name": "linear", "embedding": 2}, "batch_size": 8, "epochs": 1,
        "objective": {"name": "cross_entropy"}, "optimizer": {"name": "sgd", "lr": 0.1},
    }  # fmt: skip
    groups: dict[str, dict[str, Any]] = {
        "train": {
            "mine": Run.model_validate(run),
            "embeds": Run.model_validate(run | {"objective": {"name": "triplet"}}),
        },
        "transfer": {},
        "probes": {"mine": Probes.model_validate({"report_id": "A6"})},
    }
    good = claims.Claim(of="train.mine", value="test_accuracy", reported=0.5)
    gone = claims.Claim(of="transfer.gone", value="test_accuracy", reported=0.5)
    assert claims.insist({"A1.a": good, "A2.b": gone}, groups) == ["A2.b"]
    with pytest.raises(UserError) as error:
        claims.insist({"A1.a": good, "A3.c": claims.Claim(of=of, value=value, reported=0.5)}, groups)
    (found,) = error.value.lines
    assert found.startswith("claims.yaml: A3.c.value: unknown ")
    assert line in found


def test_a_claim_finds_its_row() -> None:
    runs, probes = pd.DataFrame({"run": ["a", "b"]}), pd.DataFrame({"encoder": ["e"]})

    def row(of: str) -> "pd.Series[str] | None":
        return claims.row(claims.Claim(of=of, value="test_accuracy", reported=0.5), runs, probes)

    found = row("transfer.b")
    assert found is not None
    assert found["run"] == "b"
    assert row("probes.e") is not None
    assert row("train.e") is None
    assert claims.row(claims.Claim(of="probes.e", value="test_accuracy", reported=0.5), runs, pd.DataFrame()) is None


def test_a_claim_on_a_probe_of_ones_own_is_read(tmp_path: Path) -> None:
    found = load("E1.mine: {of: probes.e, value: my_probe_test_accuracy, reported: 0.5}\n", tmp_path)
    assert claims.reported(found, "probes.e", "my_probe_test_accuracy") == 0.5


def test_a_claim_on_a_value_that_its_entry_does_not_have_is_refused() -> None:
    runs = pd.DataFrame({"run": ["a"], "test_accuracy": [0.5]})
    probes = pd.DataFrame({"encoder": ["e"], "logistic_test_accuracy": [0.5], "logistic_l2": [1.0]})
    stated = {
        name: claims.Claim(of=of, value=value, reported=0.5)
        for name, of, value in (
            ("C1.a", "train.a", "test_accuracy"),
            ("C1.b", "train.gone", "validation_accuracy"),
            ("E1.a", "probes.e", "logistic_test_accuracy"),
            ("E1.b", "probes.e", "logistc_test_accuracy"),
        )
    }
    with pytest.raises(UserError) as caught:
        claims.check(stated, runs, probes)
    (told,) = caught.value.lines
    assert told.startswith("claims.yaml: E1.b.value: unknown value of probes.e 'logistc_test_accuracy'; did you mean")
    assert told.endswith("'logistic_test_accuracy'?")
    claims.check(stated, pd.DataFrame(), pd.DataFrame())


def test_the_reports_numbers_are_those_of_docs_experiments() -> None:
    found = claims.load(ROOT / "claims.yaml")
    documented = (ROOT / "docs/experiments.md").read_text()
    for name, claim in found.items():
        assert re.search(rf"{claim.reported}0*\b", documented), name
        assert re.match(r"[A-E]\d+\.", name), name
