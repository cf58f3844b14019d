"""finetune@run, from an encoder and its probe to the results: it starts where the probe ended."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from probeline.pipeline import checkpoint
from probeline.pipeline.errors import ParamError, UserError
from probeline.results import outputs, probes, runs
from probeline.training import model, seen
from probeline.transfers.finetune import Finetune, job
from stages import finetune
from tests.unit.encoders.made import RECIPE, embedded, probed, write_params

FINETUNE = RECIPE | {
    "report_id": "E3", "encoder": "mine-made", "head": "gradient", "source": "mine", "task": "made", "seeds": [0, 1],
    "trainable": {"last": 2},
}  # fmt: skip
MODELS = Path("data/models")


def tuned(**changes: Any) -> runs.Run:
    """What finetune@tuned measures."""
    write_params(finetune={"tuned": FINETUNE | changes})
    finetune.main("tuned")
    return runs.Run.load(Path("data/results/finetune/tuned/run.json"))


@pytest.mark.parametrize("head", ["gradient", "logistic"])
@pytest.mark.usefixtures("project")
def test_it_starts_where_the_probe_ended(head: str) -> None:
    found = embedded()
    record = probed()
    run = tuned(head=head)
    for seed in run.seeds:
        first = seed.history[0]
        chosen = record.resamples[seed.resample][head]
        path = probes.outputs(Path("data/results/probe/mine-made"), seed.resample, head)
        right = outputs.load(path).predicted["validation"] == found.labels[found.validation[seed.resample]]
        assert (first.step, first.train_loss) == (0, None)
        assert first.validation_loss == pytest.approx(chosen.losses["validation"], rel=1e-4)
        assert first.validation_accuracy == right.mean()
    before, after = model.load_weights(MODELS / "mine", 0), model.load_weights(MODELS / "tuned", 1)
    assert {name.rpartition(".")[0] for name in after if not after[name].equal(before[name])} == {
        "features.fc1",
        "head",
    }
    assert run.start is not None
    assert (run.start.source, run.start.encoder, run.start.head) == ("mine", "mine-made", head)
    assert run.start.trained_parameters == 6 * 4 * 5 + 5 + 5 * 3 + 3
    assert (run.start.new, run.start.new_parameters) == ([], 0)
    assert run.start.loaded_parameters == run.parameters
    # Images seen: those of the encoder (resample 0) and those of the fine-tuning (resample 1).
    assert len(seen.load(MODELS / "tuned", 1)["made"]) == 35


@pytest.mark.usefixtures("project")
def test_one_that_gets_no_better_keeps_the_probe() -> None:
    embedded()
    probed()
    run = tuned(early_stopping={"metric": "loss", "patience": 2}, optimizer={"name": "sgd", "lr": 30.0}, seeds=[0])
    assert run.seeds[0].kept_step == 0
    head = torch.load("data/probes/mine-made/resample-0.gradient.pt", weights_only=True)
    assert model.load_weights(MODELS / "tuned", 0)["head.weight"].equal(head["weight"])
    left = outputs.load(Path("data/results/finetune/tuned/seed-0.npz"))
    probe = outputs.load(Path("data/results/probe/mine-made/resample-0.gradient.npz"))
    for split in ("train", "validation", "test"):
        assert left.predicted[split].tolist() == probe.predicted[split].tolist()


@pytest.mark.usefixtures("project")
def test_without_its_probe_it_is_one_line_with_the_stage_to_run() -> None:
    with pytest.raises(
        UserError, match=r"heads.json: is missing or damaged; run: dvc repro --force probe@mine-made --single-item$"
    ):
        job(Finetune.model_validate(FINETUNE))


@pytest.mark.usefixtures("project")
def test_a_head_that_was_not_fitted_is_told_at_its_key() -> None:
    embedded()
    probed(gradient=None)
    with pytest.raises(ParamError) as error:
        tuned()
    assert error.value.lines == ("params.yaml: head: probes.mine-made has no gradient probe; add it",)


@pytest.mark.usefixtures("project")
def test_a_probe_that_never_predicts_a_class_is_no_head() -> None:
    embedded()
    probed()
    head = Path("data/probes/mine-made/resample-0.gradient.pt")
    state = torch.load(head, weights_only=True)
    state["bias"][1] = -torch.inf
    torch.save(state, head)
    with pytest.raises(ParamError, match=r"^params.yaml: head: the gradient probe never predicts a class of which"):
        tuned(seeds=[0])


@pytest.mark.usefixtures("project")
def test_what_was_fine_tuned_can_be_embedded_as_it_was_trained() -> None:
    path = MODELS / "mine/model.json"
    facts = json.loads(path.read_text())
    # As a backbone: 9, then the center.
    path.write_text(json.dumps(facts | {"resize": 9, "interpolation": "bicubic"}))
    embedded()
    probed()
    tuned(seeds=[0])
    after = model.load(MODELS / "tuned")
    assert (after.shape, after.resize, after.interpolation) == ((1, 8, 8), 9, "bicubic")
    assert after.code == model.load(MODELS / "mine").code
    assert embedded(source="tuned").facts.resize == 9
    with pytest.raises(
        ParamError, match=r"^params.yaml: resize: the network of tuned is another one for images of 6x6; leave resize"
    ):
        embedded(source="tuned", resize=6)


@pytest.mark.usefixtures("project")
def test_a_checkpoint_is_of_one_head(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded()
    probed()
    plain, marks = checkpoint.fingerprint, []

    def marked(*arguments: Any) -> str:
        marks.append(plain(*arguments))
        return marks[-1]

    monkeypatch.setattr(checkpoint, "fingerprint", marked)
    for head in ("gradient", "logistic", "gradient"):
        tuned(head=head)
    assert marks[0] == marks[2] != marks[1]
