"""What does not fit together in params.yaml, found before anything runs."""

from typing import Any

import pytest

from probeline.entries.check import check
from tests.unit.entries.made import ENCODED, ENCODER, FINETUNE, MLP, RUN, SWEEP, TASK, TRANSFER, everything, refusal

SOURCES = {"mine": RUN, "narrow": RUN | {"model": MLP}}
CONVNET = {"name": "convnet", "channels": [4], "kernel_size": 3, "padding": 1, "batch_norm": True, "hidden": [5]}
BINARY = {"name": "binary_cross_entropy"}


@pytest.mark.parametrize(("section", "where"), [("train", "train.mine"), ("sweeps", "sweeps.rates.run")])
def test_a_run_that_does_not_fit_its_task(section: str, where: str) -> None:
    def changed(**changes: Any) -> dict[str, Any]:
        run = RUN | changes
        return {"train": {"mine": run}} if section == "train" else {"sweeps": {"rates": SWEEP | {"run": run}}}

    three = {"tasks": {"small": TASK | {"classes": ["0", "1", "2"]}}}
    line = f"params.yaml: {where}: binary_cross_entropy needs a task of 2 classes, not 3; use cross_entropy"
    assert refusal(everything(**three, **changed(objective=BINARY))) == line
    two = {"tasks": {"small": TASK | {"resamples": 2}}}
    line = (
        f"params.yaml: {where}: seeds: 3 seeds share 2 resamples, so that the spread would be too small; raise "
        "tasks.small.resamples"
    )
    assert refusal(everything(**two, **changed(seeds=3))) == line
    check(everything(**two, **changed(seeds=2)))


def test_a_probe_that_does_not_fit_the_task_of_its_encoder() -> None:
    gradient = {key: RUN[key] for key in ("optimizer", "batch_size", "epochs")} | {"objective": BINARY}
    probes = ENCODED["probes"] | {"trained": {"report_id": "E2", "gradient": gradient}}
    three = {"small": TASK | {"classes": ["0", "1", "2"]}}
    line = "params.yaml: probes.trained.gradient: binary_cross_entropy needs a task of 2 classes, not 3; use"
    assert refusal(everything(**ENCODED | {"probes": probes}, tasks=three)).startswith(line)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"seed": 3}, "encoders.trained.seed: 3 is no seed of mine; it has 0"),
        ({"source": "raw", "seed": 1}, "encoders.trained.seed: 1 is no seed of raw; it has 0"),
        ({"source": "tuned", "weights": "initial"}, "encoders.trained.weights: tuned began with the weights of"),
        ({"weights": "initial"}, "finetune.tuned.encoder: trained has initial weights; fine-tune one with"),
    ],
)
def test_weights_that_the_source_does_not_have(changes: dict[str, Any], line: str) -> None:
    encoders = ENCODED["encoders"] | {"trained": ENCODER | changes}
    found = refusal(everything(**ENCODED | {"encoders": encoders}, finetune={"tuned": FINETUNE}))
    assert f"params.yaml: {line}" in found


def test_seeds_of_a_transfer_that_its_source_has_not() -> None:
    sources = SOURCES | {"narrow": SOURCES["narrow"] | {"seeds": 2}}
    check(everything(train=sources, transfer={"other": TRANSFER | {"seeds": [1]}}))
    line = "params.yaml: transfer.other.seeds: 2 is no seed of narrow, whose weights it starts from; narrow has 0, 1"
    assert refusal(everything(train=sources, transfer={"other": TRANSFER | {"seeds": 3}})) == line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"task": "digits"}, "finetune.tuned.task: is digits, and that of encoders.trained is small"),
        (
            {"source": "raw"},
            "finetune.tuned.source: is raw, and that of encoders.trained is mine; they must be the sam",
        ),
        ({"head": "gradient"}, "finetune.tuned.head: probes.trained has no gradient; add it, or name another probe"),
    ],
)
def test_a_fine_tuning_goes_on_where_its_encoder_is(changes: dict[str, Any], line: str) -> None:
    tasks = {"small": TASK, "digits": TASK}
    found = refusal(everything(**ENCODED, tasks=tasks, finetune={"tuned": FINETUNE | changes}))
    assert found.startswith(f"params.yaml: {line}")


def test_images_of_many_sizes_need_one_before_they_are_read() -> None:
    own = {"digits": {"kind": "image_folder", "path": "mine"}}
    line = "params.yaml: tasks.small.pixels: digits has images of many sizes; give the side of a square, say 224"
    assert refusal(everything(datasets=own)) == line
    check(everything(datasets=own, tasks={"small": TASK | {"pixels": 32}}))


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


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        # As when z is changed in A4 and not in the transfer from it.
        (
            {"model": MLP | {"embedding": 6}},
            "transfer.other: the layer 'embedding' is 6x8 here and 4x8 in narrow; name it in new, or change the model",
        ),
        ({"model": MLP | {"hidden": [8, 3]}}, "transfer.other: the layer 'features.fc2' is not in narrow; name it in"),
        ({"new": []}, "transfer.other: the layer 'head' is neither in load nor in new; name it in one of them"),
        ({"load": ["feature"]}, "transfer.other.load: unknown layer 'feature'; did you mean 'features'?"),
        ({"trainable": {"last": 4}}, "transfer.other.trainable.last: 4 of 3 layers; ask for fewer"),
        (
            {"objective": {"name": "triplet"}, "new": [], "trainable": "head"},
            "transfer.other.trainable: this objective's network has no head; use all, or {last: 1}",
        ),
    ],
)
def test_a_transfer_that_does_not_fit_its_source_is_refused_before_the_source_trains(
    changes: dict[str, Any], line: str
) -> None:
    found = refusal(everything(train=SOURCES, transfer={"other": TRANSFER | changes}))
    assert found.startswith(f"params.yaml: {line}")
    assert len(found.splitlines()) == 1


def test_a_transfer_of_a_transfer_is_compared_with_that_one() -> None:
    chain = {"one": TRANSFER, "two": TRANSFER | {"source": "one", "model": MLP | {"embedding": 6}}}
    found = refusal(everything(train=SOURCES, transfer=chain))
    assert found.startswith("params.yaml: transfer.two: the layer 'embedding' is 6x8 here and 4x8 in one; name it in")


def test_another_size_of_image_does_not_fit_the_same_layers() -> None:
    tasks = {"small": TASK, "large": TASK | {"pixels": 16}}
    found = refusal(everything(train=SOURCES, tasks=tasks, transfer={"other": TRANSFER | {"task": "large"}}))
    assert found.startswith("params.yaml: transfer.other: the layer 'features.fc1' is 8x256 here and 8x64 in narrow")


def test_a_network_that_its_images_are_too_small_for() -> None:
    deep = RUN | {"model": CONVNET | {"channels": [4, 4, 4, 4]}}
    line = (
        "params.yaml: train.mine: images of 8x8 are too small for 4 stages of convnet; give fewer channels, or larger "
        "tasks.<task>.pixels"
    )
    assert refusal(everything(train={"mine": deep})) == line
    check(everything(train={"mine": deep}, tasks={"small": TASK | {"pixels": 16}}))


def test_a_network_with_nothing_to_train() -> None:
    line = "params.yaml: train.mine.model: pixels has no layer to train; name another model"
    assert refusal(everything(train={"mine": RUN | {"model": {"name": "pixels"}}})) == line
    triplet = RUN | {"objective": {"name": "triplet"}}
    line = "params.yaml: train.mine: the network has no layer to train with this objective; set model.embedding to a wi"
    assert refusal(everything(train={"mine": triplet})).startswith(line)


def test_images_that_must_be_seen_first_are_left_to_the_stage() -> None:
    own = {"digits": {"kind": "image_folder", "path": "somewhere", "sha256": "0" * 64}}
    deep = RUN | {"model": CONVNET | {"channels": [4, 4, 4, 4]}}
    check(everything(datasets=own, train={"mine": deep}, tasks={"small": TASK | {"pixels": 8}}))


BLUR = [{"name": "gaussian_blur", "kernel_size": 17}]
NORMED = RUN | {"model": CONVNET}
RAW = {"raw": {"kind": "pixels"}}
COLOR = {"mean": [0.5, 0.5, 0.5], "std": [1.0]}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"train": {"mine": RUN | {"augment": BLUR}}},
            "train.mine.augment: gaussian_blur: a kernel_size of 17 does not fit images of 8x8; give at most 15",
        ),
        (
            {"sweeps": {"rates": SWEEP | {"run": RUN | {"augment": BLUR}}}},
            "sweeps.rates.run.augment: gaussian_blur: a kernel_size of 17 does not fit images of 8x8; give at most 15",
        ),
        (
            {"sweeps": {"rates": {"run": RUN, "points": [{}, {"augment": BLUR}]}}},
            "sweeps.rates: the point augment [{'name': 'gaussian_blur', 'kernel_size': 17}]: augment: gaussian_blur: a",
        ),
        (
            {"train": {"mine": RUN | {"normalize": COLOR}}},
            "train.mine.normalize.mean: 3 values for images of 1 channels; give 1",
        ),
        (
            {"train": {"mine": RUN | {"objective": BINARY}}},
            "train.mine: binary_cross_entropy needs a task of 2 classes, not 10; use cross_entropy",
        ),
        (
            {"train": {"mine": RUN | {"freeze_batch_norm": True}}},
            "train.mine.freeze_batch_norm: fresh weights have no statistics that were trained; leave it out",
        ),
        (
            {"train": SOURCES, "transfer": {"other": TRANSFER | {"freeze_batch_norm": True}}},
            "transfer.other.freeze_batch_norm: mlp has no batch norm here; leave it out",
        ),
        (
            {"train": SOURCES, "backbones": RAW, "transfer": {"other": TRANSFER | {"source": "raw"}}},
            "transfer.other.source: raw has no layers to load; start from another",
        ),
        (
            {"train": {"narrow": NORMED}, "transfer": {"other": NORMED | {
                "source": "narrow", "load": ["features"], "new": ["head"], "model": CONVNET | {"batch_norm": False}}}},
            "transfer.other.load: narrow has layers that this model has not, and their weights would be dropped: featu",
        ),
        ({"metrics": ["accuracy", "top_5", "top_5"]}, "metrics: names top_5 twice; name each once"),
    ],
)  # fmt: skip
def test_what_shows_without_data_is_found_before_anything_is_deleted(changes: dict[str, Any], line: str) -> None:
    found = refusal(everything(**changes))
    assert found.startswith(f"params.yaml: {line}")
    assert len(found.splitlines()) == 1


GRADIENT = {key: RUN[key] for key in ("optimizer", "batch_size", "epochs")} | {"objective": BINARY}


@pytest.mark.parametrize(
    ("group", "entry", "line"),
    [
        (
            "probes",
            {"gradient": GRADIENT},
            "probes.trained.gradient: binary_cross_entropy needs a task of 2 classes, not",
        ),
        (
            "probes",
            {"knn": {"neighbors": [300, 500]}},
            "probes.trained.knn.neighbors: 300 is more than the 200 training",
        ),
        (
            "maps",
            {"perplexity": 30.0, "images": 50},
            "maps.trained.perplexity: 30 needs 90 points, three times as many, a",
        ),
        (
            "maps",
            {"perplexity": 20.0},
            "maps.trained.perplexity: 20 needs 60 points, three times as many, and there are 40",
        ),
        (
            "encoders",
            {"task": "large"},
            "encoders.trained: mine reads images of 8x8 and those of large are 16x16; embed",
        ),
        (
            "encoders",
            {"source": "raw", "weights": "initial"},
            "encoders.trained.weights: raw has no weights, trained or",
        ),
        (
            "encoders",
            {"source": "published"},
            "encoders.trained: published reads images of 3 channel(s) and small has 1",
        ),
        ("finetune", {"trainable": {"last": 9}}, "finetune.tuned.trainable.last: 9 of 1 layers; ask for fewer"),
        ("finetune", {"freeze_batch_norm": True}, "finetune.tuned.freeze_batch_norm: mine has no batch norm; leave it"),
    ],
)
def test_what_is_embedded_does_not_fit_its_task(group: str, entry: dict[str, Any], line: str) -> None:
    tasks = {"small": TASK | {"train": 200, "test": 40}, "large": TASK | {"pixels": 16}}
    groups: dict[str, dict[str, Any]] = {
        **ENCODED,
        "backbones": {**ENCODED["backbones"], "published": {"kind": "torchvision", "model": "resnet18"}},
        "maps": {"trained": {"report_id": "A5", "perplexity": 10.0}},
    }
    if group == "finetune":
        groups["finetune"] = {"tuned": FINETUNE}
    check(everything(**groups, tasks=tasks))
    name = "tuned" if group == "finetune" else "trained"
    groups[group] = groups[group] | {name: groups[group][name] | entry}
    found = refusal(everything(**groups, tasks=tasks)).splitlines()
    assert found[0].startswith(f"params.yaml: {line}")
    assert not found[1:] or all(line.startswith("params.yaml: probes: of the encoders") for line in found[1:])


def test_names_of_layers_are_looked_at_where_sizes_must_be_seen_first() -> None:
    own: dict[str, Any] = {
        "datasets": {"digits": {"kind": "image_folder", "path": "somewhere", "sha256": "0" * 64}},
        "tasks": {"small": TASK | {"pixels": 32}},
    }
    mlp = {"narrow": RUN | {"model": MLP}}
    check(everything(**own, train=mlp, transfer={"other": TRANSFER}))
    check(everything(**own, train=mlp, transfer={"other": TRANSFER | {"model": MLP | {"embedding": 6}}}))
    for changes, line in (
        ({"load": ["feature"]}, "transfer.other.load: unknown layer 'feature'; did you mean 'features'?"),
        ({"trainable": {"last": 4}}, "transfer.other.trainable.last: 4 of 3 layers; ask for fewer"),
        ({"model": MLP | {"hidden": [8, 3]}}, "transfer.other: the layer 'features.fc2' is not in narrow; name it in"),
    ):
        found = refusal(everything(**own, train=mlp, transfer={"other": TRANSFER | changes}))
        assert found.startswith(f"params.yaml: {line}")
    line = "params.yaml: train.narrow.model: pixels has no layer to train; name another model"
    assert refusal(everything(**own, train={"narrow": RUN | {"model": {"name": "pixels"}}})) == line
    line = "params.yaml: train.narrow.normalize.std: 2 values for images of 3 channels; give 1 or 3"
    two = {"normalize": {"mean": [0.5], "std": [1.0, 1.0]}}
    assert refusal(everything(**own, train={"narrow": RUN | two})) == line


def test_a_circle_through_a_fine_tuning_is_told() -> None:
    encoders = ENCODED["encoders"] | {"trained": ENCODER | {"source": "tuned"}}
    lines = refusal(everything(**ENCODED | {"encoders": encoders}, finetune={"tuned": FINETUNE | {"source": "tuned"}}))
    assert lines == (
        "params.yaml: finetune.tuned.encoder: tuned <- tuned is a circle; one of them must start from a run of train"
    )


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"tasks": {}}, "tasks: has no entries; it needs at least one"),
        ({"encoders": {}}, "probes: its entries need one of encoders, and there is none; add it"),
        (
            {"probes": ENCODED["probes"] | {"pixles": {"report_id": "E2"}}},
            "probes: its names are those of encoders: unk",
        ),
        (
            {"finetune": {"tuned": FINETUNE | {"source": "mien"}}},
            "finetune.tuned.source: unknown entry of train, transf",
        ),
        (
            {"finetune": {"tuned": FINETUNE | {"task": "smal"}}},
            "finetune.tuned.task: unknown entry of tasks 'smal'; did",
        ),
    ],
)
def test_a_mistake_is_told_once_where_it_is(changes: dict[str, Any], line: str) -> None:
    groups = ENCODED | changes
    if "pixles" in groups["probes"]:
        groups["probes"] = {name: entry for name, entry in groups["probes"].items() if name != "pixels"}
    if not groups["encoders"]:
        groups["maps"] = {}
    found = refusal(everything(**groups))
    assert found.startswith(f"params.yaml: {line}")
    assert len(found.splitlines()) == 1
