"""Fine-tuning after a linear probe (E3, E4): a network whose head is the probe that was trained on its vectors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator
from torch import Tensor, nn

from probeline.compute.view import View
from probeline.encoders.spec import view_of
from probeline.pipeline.errors import ParamError
from probeline.pipeline.types import ReportId, Seeds
from probeline.probes._heads import Heads, load_heads
from probeline.results.runs import Begun
from probeline.training import model as models
from probeline.training import seen
from probeline.training.job import Job
from probeline.training.model import load_weights
from probeline.training.seen import Seen
from probeline.training.spec import Recipe
from probeline.transfers.transfer import Layers, Trainable


class Finetune(Recipe):
    """An entry of `finetune`: phase 2 of LP-then-FT. Phase 1 is a probe of an encoder.

    Validation comes before the first step too, so that the weights of the probe may be the best.

    Attributes:
        encoder: An entry of `encoders` that `probes` has too. Its network, weights and images are those of the run.
        head: The probe that becomes the network's last layer.
        source, task: The encoder's own; they stand here for DVC, which looks up no other entry.
        seeds: Of the order of the images. Seed s uses resample s modulo the resamples of the task, of the probe too.
        trainable: What trains, as in `transfer`.
    """

    report_id: ReportId
    encoder: str
    head: Literal["gradient", "logistic"]
    source: str
    task: str
    seeds: Seeds = [0]
    trainable: Trainable

    @model_validator(mode="after")
    def _goes_on_from_a_probe(self) -> "Finetune":
        if not hasattr(self.objective, "predict"):
            raise ValueError(f"{self.objective.name} predicts no classes, as the probe does; use cross_entropy")
        if "evaluate_start" in self.model_fields_set:
            raise ValueError("evaluate_start: a fine-tuning always begins with an evaluation; leave evaluate_start out")
        return self

    def recipe(self) -> Recipe:
        """The part of it that `fit` reads."""
        return super().recipe().model_copy(update={"evaluate_start": True})


def job(spec: Finetune) -> Job:
    """A fine-tuning as the training needs it.

    Raises:
        UserError: Its source or its probe is missing or damaged.
    """
    folders = Path("data/models") / spec.source, Path("data/probes") / spec.encoder
    source, heads = models.load(folders[0]), load_heads(folders[1])
    resize = view_of(source, heads.embedded)
    view = View(source.normalize, resize, channels_last=True)  # as the encoder embedded
    return Job(
        spec.report_id, spec.task, spec.seeds, source.spec(), spec.recipe(), view, FromProbe(spec, folders, heads)
    )


class FromProbe:
    """Each seed starts from the encoder's weights, and from the probe's as the head."""

    def __init__(self, spec: Finetune, folders: Sequence[Path], heads: Heads) -> None:
        self.spec, self.folders, self.heads = spec, folders, heads
        self.key: Any = {"head": spec.head, "trainable": spec.trainable}

    def begin(self, model: nn.Module, seed: int) -> Begun:
        """Prepare a network with fresh weights.

        Raises:
            ParamError: There is no such probe, or it does not fit.
        """
        spec = self.spec
        fitted = self.heads.weights(spec.head, seed % self.heads.resamples)
        if fitted is None:
            raise ParamError("head", f"probes.{spec.encoder} has no {spec.head} probe", "add it")
        if not fitted["bias"].isfinite().all():
            raise ParamError(
                "head",
                f"the {spec.head} probe never predicts a class of which it saw no training image",
                "give the task more images",
            )
        if not isinstance(getattr(model, "head", None), nn.Linear):
            raise ParamError(
                "source",
                f"the head of {spec.source} is no single linear layer, as a probe is",
                "fine-tune another",
            )
        trunk = load_weights(self.folders[0], self.heads.embedded.seed)
        weights: dict[str, Tensor] = {name: value for name, value in trunk.items() if not name.startswith("head.")}
        weights |= {f"head.{name}": value for name, value in fitted.items()}
        # The parts of a network differ; all of them are loaded.
        layers = Layers(spec.source, [name for name, _ in model.named_children()], [], spec.trainable)
        begun = layers.prepare(model, weights)
        return begun.model_copy(update={"encoder": spec.encoder, "head": spec.head})

    def freeze(self, model: nn.Module) -> None:
        """Mark what does not train, in a network that is only looked at."""
        Layers(self.spec.source, [], [], self.spec.trainable).freeze(model)

    def seen(self, seed: int) -> Seen:  # noqa: ARG002 (all seeds start from one encoder)
        """The images that the encoder's weights were trained on."""
        return seen.load(self.folders[0], self.heads.embedded.seed)
