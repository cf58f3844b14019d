"""The check of params.yaml: what is refused, and in which words."""

from typing import Any

import pytest

from probeline.entries.check import check
from tests.unit.entries.made import ENCODED, FINETUNE, LESSONS, MLP, RUN, SWEEP, TASK, TRANSFER, everything, refusal

SOURCES = {"mine": RUN, "narrow": RUN | {"model": MLP}}


def test_a_good_file_passes_and_comes_back_typed() -> None:
    groups = check(everything(train={"mine": RUN | {"seeds": 3}}))
    assert groups["train"]["mine"].seeds == [0, 1, 2]
    assert groups["lessons"] == {}
    assert groups["tasks"]["small"].resamples == 1
    check(everything(lessons={"d": LESSONS}, sweeps={"rates": SWEEP}))


def test_transfers_in_a_chain_pass() -> None:
    chain = {"one": TRANSFER, "two": TRANSFER | {"source": "one", "trainable": {"last": 2}}}
    check(everything(train=SOURCES, transfer=chain))


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
            {"seeds": 0},
            "params.yaml: train.mine.seeds: is 0; give a number of seeds from 1 to 10000, or a list of them",
        ),
        (
            {"seeds": True},
            "params.yaml: train.mine.seeds: is True; give a number of seeds from 1 to 10000, or a list of them",
        ),
        (
            {"optimizer": {"name": "sgd", "lr": 1e39}},
            "train.mine.optimizer.lr: should be less than or equal to 1e+35, not 1e+39",
        ),
        ({"optimizer": {"name": "adam", "lr": 1e38}}, "mine.optimizer.lr: should be less than or equal to 1e+35, not"),
        ({"l2": {"lambda": 3e38, "form": "sum"}}, "train.mine.l2.lambda: should be less than or equal to 1e+35, not"),
        ({"batch_size": 10**20}, "params.yaml: train.mine.batch_size: should be less than 2147483648"),
        ({"seeds": [1, 1]}, "params.yaml: train.mine.seeds: names 1 twice"),
        ({"steps": 3}, "params.yaml: train.mine: needs either epochs or steps"),
        ({"optimizer": {"name": "sgd", "lr": -0.1}}, "train.mine.optimizer.lr: should be greater than 0, not -0.1"),
        ({"optimizer": {"name": "sgd", "lr": float("nan")}}, "train.mine.optimizer.lr: should be a finite number"),
        ({"optimizer": {"name": "sdg", "lr": 0.1}}, "train.mine.optimizer.name: should be 'sgd', 'adam', 'rmsprop'"),
        ({"optimizer": {"name": "adam", "lr": 0.1, "momentum": 0.9}}, "adam takes no momentum"),
        ({"l2": {"lambda": -1.0, "form": "sum"}}, "train.mine.l2.lambda: should be greater than or equal to 0"),
        (
            {"l2": {"strength": 0.1, "form": "sum"}},
            "mine.l2: unknown key 'strength'; there is: form, lambda, layers",
        ),
        ({"model": {"name": "liner"}}, "train.mine.model: unknown model 'liner'; did you mean 'linear'?"),
        ({"model": {"name": "_parts"}}, "train.mine.model: unknown model '_parts'; there is: convnet"),
        ({"model": {"name": "linear", "width": 3}}, "params.yaml: train.mine.model: unknown key 'width'"),
        ({"model": "linear"}, "params.yaml: train.mine.model: needs the key 'name'"),
        ({"objective": {"name": "zzz"}}, "there is: binary_cross_entropy, cross_entropy, hinge"),
        ({"task": "smal"}, "params.yaml: train.mine.task: unknown entry of tasks 'smal'; did you mean 'small'?"),
        ({"early_stopping": {"metric": "loss", "patience": 0}}, "patience 0 stops at the first evaluation"),
        (
            {"early_stopping": {"metric": "accuracy", "patience": 3, "threshold": 80.0}},
            "train.mine.early_stopping: threshold 80.0 is no accuracy; give a fraction from 0 to 1",
        ),
        (
            {"early_stopping": {"metric": "loss", "threshold": 0.5}},
            "train.mine.early_stopping: threshold starts the count of a patience, and there is none; give one, or",
        ),
        (
            {"early_stopping": {"metric": "loss", "minimum": 5}},
            "train.mine.early_stopping: minimum delays a stop, and nothing stops here; give a patience, or leave",
        ),
        (
            {"objective": {"name": "triplet"}, "batch_size": 2},
            "params.yaml: train.mine: batch_size: 2 is too few for triplet, which compares an image with one of its cl",
        ),
        ({"may_diverge": "yes"}, "train.mine.may_diverge: should be a valid boolean"),
        (
            {"report_id": "A" * 81},
            "train.mine.report_id: has 81 letters and goes into the name of a file; give at most 80",
        ),
        ({"report_id": "A 1"}, "train.mine.report_id: is 'A 1' and goes into the name of a file"),
        ({"precision": "bf16"}, "train.mine.precision: should be 'float32' or 'bfloat16', not 'bf16'"),
        ({"model": {"name": "mlp", "hidden": []}}, "train.mine.model.hidden: is empty; give at least one"),
        ({"augment": [{"name": "flip"}]}, "train.mine.augment.0: unknown augmentation 'flip'; there is: color_jitter"),
        ({"augment": [{"name": "crop", "pading": 4}]}, "mine.augment.0: unknown key 'pading'; did you mean 'padding'?"),
        ({"augment": [{"name": "normalize"}]}, "augment has {name: normalize}, which needs the key normalize"),
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
            {"source": "narow"},
            "transfer.other.source: unknown entry of train, transfer, finetune or backbones 'narow'; did",
        ),
        ({"seeds": [0, 4]}, "params.yaml: transfer.other.seeds: 4 is no seed of narrow, whose weights it starts from"),
        ({"new": ["features", "head"]}, "params.yaml: transfer.other: features is in load and in new; name a layer in"),
        ({"source": "other"}, "transfer.other.source: other <- other is a circle"),
        ({"trainable": "tail"}, "params.yaml: transfer.other.trainable: is 'tail'; give all, head, or a number"),
        ({"trainable": {"last": 0}}, "params.yaml: transfer.other.trainable: is {'last': 0}; give all, head, or"),
        ({"load": []}, "params.yaml: transfer.other.load: is empty; give at least one"),
        ({"task": "smal"}, "transfer.other.task: unknown entry of tasks 'smal'; did you mean 'small'?"),
    ],
)
def test_a_mistake_in_a_transfer(change: dict[str, object], line: str) -> None:
    assert line in refusal(everything(train=SOURCES, transfer={"other": TRANSFER | change}))


def test_transfers_in_a_circle() -> None:
    circle = {"a": TRANSFER | {"source": "b"}, "b": TRANSFER | {"source": "a"}, "c": TRANSFER | {"source": "b"}}
    lines = refusal(everything(transfer=circle)).splitlines()
    assert [line.split(" is ")[0] for line in lines] == [
        "params.yaml: transfer.a.source: a <- b <- a",
        "params.yaml: transfer.b.source: b <- a <- b",
    ]


def test_two_models_of_one_name() -> None:
    line = (
        "params.yaml: backbones.mine: train has an entry of this name too; their weights lie side by side: rename one"
    )
    assert refusal(everything(backbones={"mine": {"kind": "pixels"}})) == line
    assert "transfer.mine: train has an entry of this" in refusal(
        everything(train=SOURCES, transfer={"mine": TRANSFER})
    )


def test_encoders_probes_and_maps_that_are_right() -> None:
    groups = check(everything(**ENCODED, finetune={"tuned": FINETUNE}))
    assert groups["encoders"]["trained"].weights == "trained"


@pytest.mark.parametrize(
    ("group", "entry", "line"),
    [
        (
            "encoders",
            {"source": "mien"},
            "encoders.trained.source: unknown entry of train, transfer, finetune or ",
        ),
        ("encoders", {"weights": "best"}, "encoders.trained.weights: should be 'trained' or 'initial', not 'best'"),
        ("encoders", {"task": "smal"}, "encoders.trained.task: unknown entry of tasks 'smal'; did you mean 'small'?"),
        ("probes", {"logistic": {"l2": []}}, "probes.trained.logistic.l2: is empty; give at least one"),
        ("probes", {"gradient": {"seeds": [0]}}, "probes.trained.gradient.objective: is missing; add it"),
        ("probes", {"knn": {"neighbors": [1, 1]}}, "probes.trained.knn.neighbors: names 1 twice; name each once"),
        ("finetune", {"evaluate_start": False}, "finetune.tuned: evaluate_start: a fine-tuning always begins with an"),
        ("finetune", {"encoder": "other"}, "finetune.tuned.encoder: unknown entry of probes 'other'"),
        ("finetune", {"objective": {"name": "triplet"}}, "finetune.tuned: triplet predicts no classes, as the probe"),
    ],
)
def test_a_mistake_in_what_is_embedded(group: str, entry: dict[str, object], line: str) -> None:
    groups: dict[str, dict[str, dict[str, Any]]] = {**ENCODED, "finetune": {"tuned": FINETUNE}}
    name = "tuned" if group == "finetune" else "trained"
    groups[group] = groups[group] | {name: groups[group][name] | entry}
    assert f"params.yaml: {line}" in refusal(everything(**groups))


def test_probes_and_maps_have_the_names_of_encoders() -> None:
    line = "params.yaml: maps: its names are those of encoders: unknown encoder 'trainde'; did you mean 'trained'?"
    assert refusal(everything(**ENCODED | {"maps": {"trainde": {"report_id": "A5"}}})) == line


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
        ({"resamples": 0}, "tasks.small.resamples: should be greater than or equal to 1"),
        ({"draws": 2}, "tasks.small: unknown key 'draws'"),
    ],
)
def test_a_mistake_in_a_task(change: dict[str, object], line: str) -> None:
    assert line in refusal(everything(tasks={"small": TASK | change}))


def test_the_tasks_of_a_lesson_and_a_sweep_are_there() -> None:
    odd = LESSONS | {"tasks": {"mlp": "smal", "convolution": "small"}}
    line = "params.yaml: lessons.d.tasks.mlp: unknown entry of tasks 'smal'; did you mean 'small'?"
    assert refusal(everything(lessons={"d": odd})) == line
    swept = refusal(everything(sweeps={"rates": SWEEP | {"run": RUN | {"task": "smal"}}}))
    assert swept == "params.yaml: sweeps.rates.run.task: unknown entry of tasks 'smal'; did you mean 'small'?"


@pytest.mark.parametrize(
    ("metrics", "line"),
    [
        (["acuracy"], "metrics: unknown metric 'acuracy'; did you mean 'accuracy'? (a file in src/probeline/metrics/)"),
        (["_scored"], "metrics: unknown metric '_scored'; there is: accuracy, calibration_error, confusion"),
        (["confusion"], "metrics: confusion is no number, and each run needs one; take it out of the list"),
        ([], "metrics: is no list of names; give at least [accuracy]"),
        ("accuracy", "metrics: is no list of names; give at least [accuracy]"),
        (None, "metrics: is no list of names; give at least [accuracy]"),
    ],
)
def test_metrics_are_files_that_give_a_number(metrics: object, line: str) -> None:
    assert refusal(everything(metrics=metrics)).startswith(f"params.yaml: {line}")


@pytest.mark.parametrize("name", ["a b", "a;b", "A", "a_b", "-a", "a-", "3a", "$(id)", 7])
def test_a_name_that_is_no_name(name: object) -> None:
    assert f"params.yaml: train: the name '{name}' goes into a command line" in refusal(everything(train={name: RUN}))


def test_a_name_that_no_file_can_have_is_refused() -> None:
    check(everything(train={"mine": RUN, "a" * 80: RUN}))
    line = "has 81 letters and goes into the names of files; give at most 80"
    assert line in refusal(everything(train={"mine": RUN, "a" * 81: RUN}))


def test_every_mistake_is_named_at_once() -> None:
    lines = refusal(everything(tasks={"small": TASK | {"seed": -1}}, train={"mine": RUN | {"task": 3}}, surplus=1))
    keys = [line.split(": ")[1] for line in lines.splitlines()]
    assert keys == ["unknown section 'surplus'; there is", "tasks.small.seed", "train.mine.task"]


def test_a_missing_or_empty_section() -> None:
    assert refusal(everything(train={})) == "params.yaml: train: has no entries; it needs at least one"
    nothing = refusal(everything(transfer=None))
    assert nothing == "params.yaml: transfer: has no entries; it needs at least one, or {} for none"
    assert refusal({key: value for key, value in everything().items() if key != "maps"}).startswith(
        "params.yaml: maps: has no entries"
    )
    listed = refusal(everything(transfer=[RUN]))
    assert listed.startswith("params.yaml: transfer: is not a mapping of names to entries; it needs at least one")
    assert refusal(["a"]).startswith("params.yaml: is not a mapping; it needs the sections datasets, tasks, train, ")
