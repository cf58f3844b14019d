"""What an edit makes stale: the stages that use the file, and no other. Nothing runs here."""

from pathlib import Path

import pytest

from tests.pipeline.running import change, stale


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("src/probeline/report/figures/run.py", {"summary"}),
        ("src/probeline/metrics/accuracy.py", {"summary"}),
        ("src/probeline/pipeline/errors.py", {"check"}),
        ("src/probeline/sources/download.py", {"fetch@digits", "weights@raw-pixels"}),
        ("src/probeline/maps/quality.py", {"tsne@untrained", "tsne@trained"}),
        ("src/probeline/models/convnet.py", {"train@convnet"}),
        ("src/probeline/transfers/finetune.py", {"check", "finetune@tuned"}),
        ("src/probeline/sweeps/stack.py", {"sweep@rates", "sweep@optimizers", "sweep@fractions"}),
        ("src/probeline/lessons/layers.py", {"lesson@d"}),
    ],
)
def test_an_edit_of_a_comment_reruns_what_uses_the_file_and_nothing_else(
    untouched: Path, file: str, stages: set[str]
) -> None:
    path = untouched / file
    path.write_text(f"{path.read_text()}# a comment\n")
    assert stale(untouched) == stages


@pytest.mark.parametrize(
    ("package", "stages"),
    [
        ("models", set()),
        ("datasets", set()),
        ("backbones", set()),
        ("metrics", {"summary"}),
        ("objectives", {"check"}),
        ("augmentations", {"check"}),
        ("probes", {"check"}),
    ],
)
def test_a_new_part_reruns_nothing_that_does_not_use_it(untouched: Path, package: str, stages: set[str]) -> None:
    (untouched / f"src/probeline/{package}/mine.py").write_text('"""Mine."""\n')
    assert stale(untouched) == stages


def test_an_edit_of_the_optimizer_draws_no_map_and_embeds_nothing(untouched: Path) -> None:
    path = untouched / "src/probeline/training/optimizer.py"
    path.write_text(f"{path.read_text()}# a comment\n")
    kinds = {name.partition("@")[0] for name in stale(untouched)}
    assert kinds == {"check", "train", "transfer", "finetune", "sweep"}


@pytest.mark.parametrize(
    ("key", "value", "stage"),
    [
        ("probes.trained.knn", {"neighbors": [3]}, "probe@trained"),
        ("maps.trained.perplexity", 12.0, "tsne@trained"),
        ("finetune.tuned.optimizer.lr", 0.01, "finetune@tuned"),
        ("train.svm.optimizer.lr", 0.01, "train@svm"),
    ],
)
def test_an_edit_of_a_setting_reruns_its_stage(untouched: Path, key: str, value: object, stage: str) -> None:
    change(untouched, key, value)
    assert stale(untouched) == {"check", stage}
