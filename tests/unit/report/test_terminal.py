"""The tables in the terminal."""

import pandas as pd
import pytest

from probeline.report import probes, runs, sweeps, terminal
from tests.unit.report import made


def test_each_run_says_how_sure_its_accuracy_is(capsys: pytest.CaptureFixture[str]) -> None:
    table = runs.table({"one": made.run(2), "gone": made.run(1, None), "encoder": made.embedding_run()}, [])
    sweep = made.sweep([made.point(1.0, 0, 0, 0.5, 0.6)])
    terminal.tell(table, pd.DataFrame(), sweeps.table({"rates": sweep}, {"rates": sweeps.points(sweep)}))
    lines = capsys.readouterr().out.splitlines()
    (one,) = (line for line in lines if line.split()[:1] == ["one"])
    assert one.split() == ["one", "12", "1", "0.6667", "0.8000", "0.490", "to", "0.943,", "over", "images"]
    assert any(line.endswith("1 of 2 diverged") for line in lines)
    assert any(line.endswith("an embedding: test loss 0.7500") for line in lines)
    assert any(line.split() == ["rates", "1", "10", "lr", "0.1", "0.5000", "0.6000"] for line in lines)
    assert "Test accuracy of probes" not in lines


def test_a_number_that_is_missing_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    found = probes.table({"without": made.encoder(gradient=False)}, {}, [])
    sweep = made.sweep([made.point(1.0, 0, 0, None)])
    gone = sweeps.table({"rates": sweep}, {"rates": sweeps.points(sweep)})
    terminal.tell(runs.table({"gone": made.run(None)}, []), found.astype(object), gone.astype(object))
    printed = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in printed.splitlines() if line.strip()}
    assert rows["gone"][3:] == ["-", "-", "1", "of", "1", "diverged"]
    assert rows["without"][2:] == ["0.7500", "-", "0.5000"]
    assert rows["rates"][-2:] == ["-", "-"]
    assert "None" not in printed
    assert "nan" not in printed.lower()
