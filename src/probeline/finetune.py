"""Fine-tuning after a linear probe (E3, E4): a network whose head is the probe that was trained on its vectors."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import model_validator
from torch import nn

from probeline import seen, transfer
from probeline.encoder import plan
from probeline.pipeline.errors import UserError
from probeline.pipeline.progress import say
from probeline.seen import Seen
from probeline.training.data import Resize
from probeline.training.spec import Experiment, Recipe, Seeds, Trainable, Transfer

if TYPE_CHECKING:
    from collections.abc import Mapping


class Spec(Recipe):
    """An entry of `finetune`: phase 2 of LP-then-FT. Phase 1 is a probe of an encoder.

    Attributes:
        encoder: An entry of `encoders` that `probes` has too. Its network, weights and images are those of the run.
        head: The probe that becomes the network's last layer.
        source, task: The encoder's own; they stand here for DVC, which looks up no other entry.
        seeds: Of the order of the images. Seed s uses draw s modulo draws of the task, of the probe too.
        trainable: What trains, as in `transfer`.
    """

    experiment: Experiment
    encoder: str
    head: Literal["gradient", "logistic"]
    source: str
    task: str
    seeds: Seeds
    trainable: Trainable

    @model_validator(mode="after")
    def _goes_on_from_a_probe(self) -> "Spec":
        if not hasattr(self.objective, "predict"):
            raise ValueError(f"{self.objective.name} predicts no classes, as the probe does; use cross_entropy")
        if "evaluate_start" in self.model_fields_set:
            raise ValueError("evaluate_start: a fine-tuning always begins with an evaluation; leave evaluate_start out")
        return self

    def run(self, model: Any, normalise: Any) -> Transfer:
        """The same as a transfer: every layer is loaded, and validation comes before the first step too."""
        recipe = {key: getattr(self, key) for key in Recipe.model_fields}
        return Transfer(
            **{**recipe, "evaluate_start": True},
            experiment=self.experiment,
            task=self.task,
            seeds=self.seeds,
            model=model,
            normalise=normalise,
            channels_last=True,  # as the encoder embedded
            source=self.source,
            load=["features"],
            new=[],
            trainable=self.trainable,
        )


class Start:
    """How each seed begins: with the encoder's weights and the probe's as the head.

    Attributes:
        folders: Of the source's weights and of the probe.
        resize: As the encoder embedded.
        facts: For the metrics; empty before the first.
        entry: The entry, but for its seeds.
        run: The entry as a transfer.
    """

    def __init__(self, spec: Spec, where: str) -> None:
        self.spec, self.where = spec, where
        source, probe = Path("data/models") / spec.source, Path("data/probes") / spec.encoder
        self.folders: tuple[Path, ...] = (source, probe)
        found = plan(source)
        try:
            self.embedded = json.loads((probe / "probe.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{probe}: missing or damaged; run: dvc repro --force probe@{spec.encoder}") from error
        side, crop = self.embedded["resize"], self.embedded["shape"][1]
        self.resize = Resize(side, crop, found.interpolation) if side else None
        self.run = spec.run(found.model, found.normalise)
        self.facts: Mapping[str, Any] = {}
        self.entry: Mapping[str, Any] = spec.model_dump(exclude={"seeds"})

    def __call__(self, model: nn.Module, seed: int) -> None:
        """Prepare a new network.

        Raises:
            UserError: There is no such probe, or it does not fit.
        """
        source, probe = self.folders
        head = probe / f"draw-{seed % self.embedded['draws']}.{self.spec.head}.pt"
        if not head.exists():
            raise UserError(
                f"params.yaml: {self.where}.head: probes.{self.spec.encoder} has no {self.spec.head} probe; add it"
            )
        weights = {
            name: value
            for name, value in transfer.load_weights(source / f"seed-{self.embedded['seed']}.pt").items()
            if not name.startswith("head.")
        }
        fitted = transfer.load_weights(head)
        if not fitted["bias"].isfinite().all():
            raise UserError(
                f"params.yaml: {self.where}.head: the {self.spec.head} probe never predicts a class of which it saw no "
                "training image; give the task more images"
            )
        if not isinstance(getattr(model, "head", None), nn.Linear):
            raise UserError(
                f"params.yaml: {self.where}.source: the head of {self.spec.source} is no single linear layer, as "
                "a probe is; fine-tune another"
            )
        weights |= {f"head.{name}": value for name, value in fitted.items()}
        # The parts of a network differ; all of them are loaded.
        self.run = self.run.model_copy(update={"load": [name for name, part in model.named_children()]})
        transfer.prepare(model, self.run, weights, self.where)
        first = not self.facts
        self.facts = {**transfer.count(model, self.run), "encoder": self.spec.encoder, "head": self.spec.head}
        if first:
            say(transfer.sentence(self.facts))

    def seen(self, _: int) -> Seen:
        """The images that the encoder's weights were trained on."""
        return seen.load(self.folders[0], self.embedded["seed"])

    def freeze(self, model: nn.Module) -> None:
        """Mark what does not train, in a network that is only looked at."""
        transfer.freeze(model, self.run.trainable, self.where)
