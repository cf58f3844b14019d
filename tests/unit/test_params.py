"""Parameters: what is refused, and in which words."""

from pathlib import Path

import pytest

from probeline.check import check
from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.pipeline.params import load_yaml
from probeline.splitting import Split
from probeline.training.spec import EarlyStopping, Run
from tests.conftest import ROOT

TASK = {
    "dataset": "digits", "classes": "all", "pixels": None, "train": "rest", "validation": 0.2, "test": 0.2,
    "sampling": "random", "draws": 1, "seed": 0,
}  # fmt: skip
RUN = {
    "experiment": "D1", "task": "small", "seeds": [0], "model": {"name": "linear"},
    "objective": {"name": "cross_entropy"}, "optimizer": {"name": "sgd", "lr": 0.1}, "batch_size": 32, "epochs": 2,
    "evaluate_every": 1,
}  # fmt: skip


def everything(**changes: object) -> dict[str, object]:
    groups = {"datasets": {"digits": {"kind": "digits"}}, "tasks": {"small": TASK}, "train": {"mine": RUN}}
    return groups | {name: {} for name in OPTIONAL} | {"lessons": LESSONS} | changes


OPTIONAL = ("transfer", "backbones", "encoders", "probes", "maps", "finetune", "sweeps")
LESSONS = {**load_yaml(ROOT / "params.yaml")["lessons"], "tasks": {"mlp": "small", "convolution": "small"}}
ENCODER = {"source": "mine", "weights": "trained", "seed": 0, "task": "small"}
ENCODED: dict[str, dict[str, dict[str, object]]] = {
    "backbones": {"raw": {"kind": "pixels"}},
    "encoders": {
        "pixels": ENCODER | {"source": "raw"}, "untrained": ENCODER | {"weights": "initial"}, "trained": ENCODER,
    },
    "probes": {"pixels": {"experiment": "E2"}, "untrained": {"experiment": "E2"}, "trained": {"experiment": "E2"}},
    "maps": {"trained": {"experiment": "A5"}},
}  # fmt: skip
FINETUNE = {
    "experiment": "E3", "encoder": "trained", "head": "logistic", "source": "mine", "task": "small", "seeds": [0],
    "trainable": {"last": 1}, "objective": {"name": "cross_entropy"}, "optimizer": {"name": "adam", "lr": 0.1},
    "batch_size": 32, "epochs": 2, "evaluate_every": 1,
}  # fmt: skip
TRANSFER = RUN | {"source": "mine", "load": ["features"], "new": ["head"], "trainable": "all"}


def refusal(data: object) -> str:
    with pytest.raises(UserError) as error:
        check(data)
    return "\n".join(error.value.lines)


def test_a_good_file_passes() -> None:
    check(everything())
    chain = {"one": TRANSFER, "two": TRANSFER | {"source": "one", "trainable": {"last": 3}}}
    check(everything(transfer=chain))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"stepz": 5}, "params.yaml: train.mine: unknown key 'stepz'; did you mean 'steps'?"),
        ({"batch_size": "many"}, "params.yaml: train.mine.batch_size: should be a valid integer, not 'many'"),
        ({"batch_size": "32"}, "params.yaml: train.mine.batch_size: should be a valid integer, not '32'"),
        ({"batch_size": 0}, "params.yaml: train.mine.batch_size: should be greater than or equal to 1, not 0"),
        ({"seeds": [0, -1]}, "params.yaml: train.mine.seeds.1: should be greater than or equal to 0, not -1"),
        ({"seeds": []}, "params.yaml: train.mine.seeds: is empty; give at least one"),
        (
            {"optimizer": {"name": "sgd", "lr": 1e39}},
            "train.mine.optimizer.lr: should be less than or equal to 3000000",
        ),
        ({"batch_size": 10**20}, "params.yaml: train.mine.batch_size: should be less than 2147483648"),
        ({"seeds": [1, 1]}, "params.yaml: train.mine.seeds: names 1 twice"),
        ({"steps": 3}, "params.yaml: train.mine: needs either epochs or steps"),
        ({"optimizer": {"name": "sgd", "lr": -0.1}}, "train.mine.optimizer.lr: should be greater than 0, not -0.1"),
        ({"optimizer": {"name": "sgd", "lr": float("nan")}}, "train.mine.optimizer.lr: should be a finite number"),
        ({"optimizer": {"name": "sdg", "lr": 0.1}}, "train.mine.optimizer.name: should be 'sgd', 'adam', 'rmsprop'"),
        ({"optimizer": {"name": "adam", "lr": 0.1, "momentum": 0.9}}, "adam takes no momentum"),
        ({"model": {"name": "liner"}}, "train.mine.model: unknown model 'liner'; did you mean 'linear'?"),
        ({"model": {"name": "linear", "width": 3}}, "params.yaml: train.mine.model: unknown key 'width'"),
        ({"model": "linear"}, "params.yaml: train.mine.model: needs the key 'name'"),
        ({"objective": {"name": "zzz"}}, "there is: binary_cross_entropy, cross_entropy, hinge"),
        ({"task": "smal"}, "params.yaml: train.mine.task: unknown entry of tasks 'smal'; did you mean 'small'?"),
        ({"early_stopping": {"metric": "loss", "patience": 0}}, "patience 0 stops at the first evaluation"),
        (
            {"early_stopping": {"metric": "accuracy", "patience": 3, "threshold": 80.0}},
            "train.mine.early_stopping: threshold 80.0 is no accuracy; give a fraction from 0 to 1",
        ),
        ({"may_diverge": "yes"}, "train.mine.may_diverge: should be a valid boolean"),
        ({"experiment": "A 1"}, "train.mine.experiment: is 'A 1' and goes into the name of a file"),
        ({"precision": "bf16"}, "train.mine.precision: should be 'float32' or 'bfloat16', not 'bf16'"),
        ({"model": {"name": "mlp", "hidden": []}}, "train.mine.model.hidden: is empty; give at least one"),
        ({"augment": [{"name": "flip"}]}, "train.mine.augment.0: unknown augmentation 'flip'; there is: colour_jitter"),
        ({"augment": [{"name": "crop", "pading": 4}]}, "mine.augment.0: unknown key 'pading'; did you mean 'padding'?"),
        ({"augment": [{"name": "normalise"}]}, "augment has {name: normalise}, which needs the key normalise"),
        (
            {"objective": {"name": "triplet"}, "early_stopping": {"metric": "accuracy", "patience": 3}},
            "params.yaml: train.mine: triplet predicts no classes; let early_stopping.metric be loss",
        ),
    ],
)
def test_a_mistake_in_a_run(change: dict[str, object], line: str) -> None:
    assert line in refusal(everything(train={"mine": RUN | change}))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"source": "mien"},
            "transfer.other.source: unknown entry of train, transfer, finetune or backbones 'mien'; did",
        ),
        ({"seeds": [0, 4]}, "params.yaml: transfer.other.seeds: 4 is no seed of mine, whose weights it starts from"),
        ({"new": ["features", "head"]}, "params.yaml: transfer.other: features is in load and in new; name a layer in"),
        ({"source": "other"}, "transfer.other.source: other <- other is a circle"),
        ({"trainable": "tail"}, "params.yaml: transfer.other.trainable: is 'tail'; give all, head, or a number"),
        ({"trainable": {"last": 0}}, "params.yaml: transfer.other.trainable: is {'last': 0}; give all, head, or"),
        ({"load": []}, "params.yaml: transfer.other.load: is empty; give at least one"),
        ({"task": "smal"}, "transfer.other.task: unknown entry of tasks 'smal'; did you mean 'small'?"),
    ],
)
def test_a_mistake_in_a_transfer(change: dict[str, object], line: str) -> None:
    assert line in refusal(everything(transfer={"other": TRANSFER | change}))


def test_transfers_in_a_circle_and_under_a_name_of_train() -> None:
    circle = {"a": TRANSFER | {"source": "b"}, "b": TRANSFER | {"source": "a"}, "c": TRANSFER | {"source": "b"}}
    lines = refusal(everything(transfer=circle)).splitlines()
    assert [line.split(" is ")[0] for line in lines] == [
        "params.yaml: transfer.a.source: a <- b <- a",
        "params.yaml: transfer.b.source: b <- a <- b",
    ]
    assert "train has an entry of this name too" in refusal(everything(transfer={"mine": TRANSFER}))


def test_encoders_probes_and_maps_that_are_right() -> None:
    check(everything(**ENCODED, finetune={"tuned": FINETUNE}))


@pytest.mark.parametrize(
    ("group", "entry", "line"),
    [
        (
            "encoders",
            {"source": "mien"},
            "encoders.trained.source: unknown entry of train, transfer, finetune or ",
        ),
        ("encoders", {"seed": 3}, "encoders.trained.seed: 3 is no seed of mine; it has 0"),
        ("encoders", {"source": "raw", "seed": 1}, "encoders.trained.seed: 1 is no seed of raw; it has 0"),
        ("encoders", {"weights": "best"}, "encoders.trained.weights: should be 'trained' or 'initial', not 'best'"),
        ("encoders", {"task": "smal"}, "encoders.trained.task: unknown entry of tasks 'smal'; did you mean 'small'?"),
        ("encoders", {"weights": "initial"}, "finetune.tuned.encoder: trained has initial weights; fine-tune one with"),
        (
            "encoders",
            {"source": "tuned", "weights": "initial"},
            "encoders.trained.weights: tuned began with the weights of",
        ),
        ("probes", {"logistic": {"strengths": []}}, "probes.trained.logistic.strengths: is empty; give at least one"),
        ("probes", {"gradient": {"seeds": [0]}}, "probes.trained.gradient.objective: is missing; add it"),
        ("probes", {"knn": {"neighbours": [1, 1]}}, "probes.trained.knn.neighbours: names 1 twice; name each once"),
        ("finetune", {"evaluate_start": False}, "finetune.tuned: evaluate_start: a fine-tuning always begins with an"),
        ("finetune", {"encoder": "other"}, "finetune.tuned.encoder: unknown entry of probes 'other'"),
        ("finetune", {"task": "digits"}, "finetune.tuned.task: is digits, and that of encoders.trained is small"),
        ("finetune", {"head": "gradient"}, "finetune.tuned.head: probes.trained has no gradient; add it, or let head"),
    ],
)
def test_a_mistake_in_what_is_embedded(group: str, entry: dict[str, object], line: str) -> None:
    groups: dict[str, dict[str, dict[str, object]]] = {**ENCODED, "finetune": {"tuned": FINETUNE}}
    name = "tuned" if group == "finetune" else "trained"
    groups[group] = groups[group] | {name: groups[group][name] | entry}
    assert f"params.yaml: {line}" in refusal(everything(**groups))


def test_probes_are_judged_against_pixels_and_an_untrained_encoder() -> None:
    for missing, what in (("pixels", "raw pixels (a source of kind pixels)"), ("untrained", "an untrained encoder")):
        probes = {name: probe for name, probe in ENCODED["probes"].items() if name != missing}
        line = refusal(everything(**ENCODED | {"probes": probes}))
        assert line.startswith(f"params.yaml: probes: of the encoders of the task small none is {what}")
    check(everything(**ENCODED | {"probes": {}}))


def test_what_is_misspelt_is_the_only_line() -> None:
    def lines(**changes: object) -> list[str]:
        return refusal(everything(**ENCODED | changes)).splitlines()

    kind = ENCODED["backbones"] | {"raw": {"kind": "pixel"}}
    assert [line.split(";")[0] for line in lines(backbones=kind)] == [
        "params.yaml: backbones.raw.kind: unknown backbone 'pixel'"
    ]
    pixels = {name: entry | {"source": "rwa"} for name, entry in ENCODED["encoders"].items() if name == "pixels"}
    assert len(lines(encoders=ENCODED["encoders"] | pixels)) == 1


def test_probes_and_maps_have_the_names_of_encoders() -> None:
    line = "params.yaml: maps: its names are those of encoders: unknown encoder 'trainde'; did you mean 'trained'?"
    assert refusal(everything(**ENCODED | {"maps": {"trainde": {"experiment": "A5"}}})) == line


def test_two_models_of_one_name() -> None:
    line = (
        "params.yaml: backbones.mine: train has an entry of this name too; their weights lie side by side: rename one"
    )
    assert refusal(everything(backbones={"mine": {"kind": "pixels"}})) == line


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"validation": 1}, "params.yaml: tasks.small.validation: is 1; give a fraction between 0 and 1"),
        ({"validation": 1.0}, "params.yaml: tasks.small.validation: is 1.0; give a fraction between 0 and 1"),
        ({"validation": "rest"}, "train and validation are both rest"),
        ({"train": 0.9, "validation": 0.2}, "params.yaml: tasks.small: train 0.9 and validation 0.2 overlap"),
        ({"dataset": "digit"}, "tasks.small.dataset: unknown entry of datasets 'digit'; did you mean 'digits'?"),
        ({"classes": ["a", "a"]}, "classes names one twice"),
        ({"sampling": "balanced"}, "params.yaml: tasks.small: a balanced draw needs a number"),
        ({"classes": [3, 8]}, "tasks.small.classes: is [3, 8]; give all, or a list of two or more names (a number in"),
        ({"classes": ["one"]}, "tasks.small.classes: is ['one']; give all, or a list of two or more names"),
        ({"draws": 0}, "tasks.small.draws: should be greater than or equal to 1"),
    ],
)
def test_a_mistake_in_a_task(change: dict[str, object], line: str) -> None:
    assert line in refusal(everything(tasks={"small": TASK | change}))


def test_a_run_that_does_not_fit_its_task() -> None:
    binary = RUN | {"objective": {"name": "binary_cross_entropy"}}
    three = TASK | {"classes": ["0", "1", "2"]}
    line = "params.yaml: train.mine: binary_cross_entropy needs a task of 2 classes, not 3; use cross_entropy"
    assert refusal(everything(tasks={"small": three}, train={"mine": binary})) == line
    shared = refusal(everything(tasks={"small": TASK | {"draws": 2}}, train={"mine": RUN | {"seeds": [0, 1, 2]}}))
    assert shared.startswith("params.yaml: train.mine: seeds: 3 seeds share 2 draws")


@pytest.mark.parametrize("name", ["a b", "a;b", "A", "a_b", "-a", "a-", "3a", "$(id)", 7])
def test_a_name_that_is_no_name(name: object) -> None:
    assert f"params.yaml: train: the name '{name}' goes into a command line" in refusal(everything(train={name: RUN}))


def test_every_mistake_is_named_at_once() -> None:
    lines = refusal(everything(tasks={"small": TASK | {"seed": -1}}, train={"mine": RUN | {"task": 3}}, surplus=1))
    keys = [line.split(": ")[1] for line in lines.splitlines()]
    assert keys == ["unknown section 'surplus'; there is", "tasks.small.seed", "train.mine.task"]


def test_a_missing_or_empty_section() -> None:
    assert refusal(everything(train={})) == "params.yaml: train: has no entries; it needs at least one"
    nothing = refusal(everything(transfer=None))
    assert nothing == "params.yaml: transfer: has no entries; it needs at least one, or {} for none"
    listed = refusal(everything(transfer=[RUN]))
    assert listed.startswith("params.yaml: transfer: is not a mapping of names to entries; it needs at least one")
    assert "is not a mapping" in refusal(["a"])


def test_numbers_and_words_are_read_as_dvc_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("{a: 1e-3, b: 1.0e-3, c: yes, d: on, e: true, f: 010, g: .5, h: 12:30, i: null, j: 5, k: -1E+5}")
    read = params.load_yaml(file)
    assert isinstance(read["a"], float)
    assert read["a"] == 1e-3
    assert (read["b"], read["c"], read["d"], read["e"]) == (1e-3, "yes", "on", True)
    assert (read["f"], read["h"]) == (10, "12:30")
    assert (read["g"], read["i"], read["j"], read["k"]) == (0.5, None, 5, -1e5)


def test_a_key_twice_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("a:\n  b: 1\n  b: 2\n")
    with pytest.raises(UserError, match=r"p.yaml: line 3: not YAML: the key 'b' stands there twice"):
        params.load_yaml(file)


def test_a_message_is_one_line_whatever_it_names() -> None:
    assert UserError("a\nb").lines == ("a\\nb",)


def test_a_file_that_is_no_yaml(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("a: [1,\nb: 2")
    with pytest.raises(UserError, match=r"p.yaml: line 2: not YAML"):
        params.load_yaml(file)


def test_a_section_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params.yaml").write_text("train: {mine: {}}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="unknown entry of train 'mind'; did you mean 'mine'"):
        params.section("train.mind")


def test_specifications_do_not_change() -> None:
    spec = params.validate("train.mine", RUN, Run)
    with pytest.raises(ValueError, match="frozen"):
        spec.batch_size = 3  # type: ignore[misc]
    assert spec.model_dump()["model"] == {"name": "linear", "embedding": None}
    assert params.validate("t", TASK, Split).train == "rest"
    assert params.validate("e", {"metric": "loss", "patience": None}, EarlyStopping).patience is None
