"""The code that an entry names in a list: what `check` leaves for dvc.yaml."""

from typing import Any

import yaml

from probeline.entries.check import check
from probeline.entries.named import digests_of
from probeline.pipeline.groups import GROUPS
from tests.conftest import ROOT
from tests.unit.entries.made import ENCODED, FINETUNE, LESSONS, MLP, RUN, SWEEP, TRANSFER, everything

CROP = [{"name": "crop", "padding": 1}]
JITTER = [{"name": "color_jitter", "brightness": 0.2}]
GRADIENT = {
    "objective": {"name": "hinge"}, "optimizer": {"name": "sgd", "lr": 0.1}, "batch_size": 8, "epochs": 1,
}  # fmt: skip


def names(section: str, entry: dict[str, Any]) -> set[str]:
    """The files, by package and name, of an entry called `trained`."""
    others = ENCODED | {"train": {"mine": RUN}}
    groups = check(everything(**others | {section: others.get(section, {}) | {"trained": entry}}))
    found = digests_of(section, groups[section]["trained"])
    assert found is not None
    return {path.removeprefix("src/probeline/").removesuffix(".py") for path in found}


def test_a_run_names_its_augmentations() -> None:
    assert names("train", RUN | {"seeds": 2}) == set()
    assert names("train", RUN | {"augment": CROP}) == {"augmentations/crop"}
    both = names("train", RUN | {"augment": CROP + JITTER})
    assert both == {f"augmentations/{name}" for name in ("crop", "color_jitter", "_color")}


def test_a_sweep_names_the_augmentations_of_its_points_too() -> None:
    varied = {"run": RUN, "points": [{}, {"augment": CROP}]}
    assert names("sweeps", varied) == {"augmentations/crop"}


def test_a_probe_that_is_trained_names_the_engine_and_its_objective() -> None:
    plain = names("probes", {"report_id": "E2"})
    assert {"probes/knn", "probes/logistic", "probes/_softmax"} <= plain
    assert not any(name.startswith(("training/", "objectives/")) for name in plain)
    trained = names("probes", {"report_id": "E2", "gradient": GRADIENT})
    assert trained - plain >= {"probes/gradient", "training/engine", "training/evaluation", "objectives/hinge"}
    assert "objectives/cross_entropy" not in trained


def test_dvc_reads_these_digests_where_there_are_some_and_there_alone() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    transfer = {"train": {"mine": RUN, "narrow": RUN | {"model": MLP}}, "transfer": {"other": TRANSFER}}
    others: dict[str, Any] = {"finetune": {"tuned": FINETUNE}, "sweeps": {"rates": SWEEP}, "lessons": {"d": LESSONS}}
    groups = check(everything(**ENCODED, **transfer, **others))
    for section, group in GROUPS.items():
        (entry, *_) = groups[section].values()
        declared = f"data/checked/code/{section}/${{key}}.json" in stages[group.stage]["do"]["deps"]
        assert declared == (digests_of(section, entry) is not None), section
