"""params.yaml: read as DVC reads it, and what cannot be read."""

from pathlib import Path

import pytest

from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.tasks.split import Split
from probeline.training.spec import Run
from probeline.training.stopping import EarlyStopping
from tests.unit.entries.made import RUN, TASK


def test_numbers_and_words_are_read_as_dvc_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("{a: 1e-3, b: 1.0e-3, c: yes, d: on, e: true, f: 010, g: .5, h: 12:30, i: null, j: 5, k: -1E+5}")
    read = params.load_yaml(file)
    assert isinstance(read["a"], float)
    assert read["a"] == 1e-3
    assert (read["b"], read["c"], read["d"], read["e"]) == (1e-3, "yes", "on", True)
    assert (read["f"], read["h"]) == (10, "12:30")
    assert (read["g"], read["i"], read["j"], read["k"]) == (0.5, None, 5, -1e5)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a:\n  b: 1\n  b: 2\n", r"p.yaml: line 3: cannot be read: the key 'b' stands there twice"),
        ("a:\n  ? [b]\n  : 1\n", r"p.yaml: line 2: cannot be read: a list or a mapping stands in place of a key"),
        ("lr: {{ lr }}\n", r"p.yaml: line 1: cannot be read: .* \(as {{ }} of a template would be\); mend it there"),
        ("a: [1,\nb: 2", r"p.yaml: line 2: cannot be read"),
        ("a: \x00", r"p.yaml: cannot be read: special characters are not allowed; mend it there"),
        (b"a: \xff", r"p.yaml: cannot be read \('utf-8' codec can't decode byte"),
        ('a: "\\ud800"\n', "line 1: cannot be read: half of a character"),
        ('a: 1\n"\\ud800": 2\n', "line 2: cannot be read: half of a character"),
    ],
)
def test_a_file_that_is_no_yaml(tmp_path: Path, text: str | bytes, line: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(UserError, match=line) as error:
        params.load_yaml(file)
    assert len(error.value.lines) == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"p.yaml: No such file or directory; run from the folder that holds it"):
        params.load_yaml(tmp_path / "p.yaml")


def test_a_section_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params.yaml").write_text("train: {mine: {}}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="unknown entry of train 'mind'; did you mean 'mine'"):
        params.section("train.mind")


def test_an_entry_is_read_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params.yaml").write_text("tasks: {mine: {dataset: digits, validation: 0.5}}")
    monkeypatch.chdir(tmp_path)
    assert params.read("tasks.mine", Split).validation == 0.5


def test_specifications_do_not_change() -> None:
    spec = params.validate("train.mine", RUN, Run)
    with pytest.raises(ValueError, match="frozen"):
        spec.batch_size = 3  # type: ignore[misc]
    assert spec.model_dump()["model"] == {"name": "linear", "embedding": None}
    assert params.validate("t", TASK, Split).train == "rest"
    assert params.validate("e", {"metric": "loss", "patience": None}, EarlyStopping).patience is None


def test_what_a_run_says_is_read_again_from_what_it_dumps() -> None:
    run = params.validate("train.mine", RUN | {"l2": {"lambda": 0.1, "form": "half"}, "seeds": 2}, Run)
    dumped = run.model_dump()
    assert dumped["l2"] == {"lambda": 0.1, "form": "half", "layers": "all"}
    assert params.validate("train.mine", dumped, Run) == run


@pytest.mark.parametrize("given", [1, 3])
def test_a_number_of_seeds_stands_for_the_first_so_many(given: int) -> None:
    assert params.validate("train.mine", RUN | {"seeds": given}, Run).seeds == list(range(given))


def test_the_first_seed_alone_where_none_is_named() -> None:
    assert params.validate("train.mine", RUN, Run).seeds == [0]
