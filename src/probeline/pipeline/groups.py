"""The table of groups: every section of params.yaml whose entries are stages. `check`, the summary and messages use it.

A new kind of stage is one row here, one stage in dvc.yaml and one script in stages/. Names only, so that whoever reads
the table imports nothing.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Group:
    """One section of params.yaml.

    Attributes:
        section: Its key in params.yaml.
        stage: The name in dvc.yaml, of the script in stages/ and of the folder below data/results.
        spec: What an entry may hold: `module:class`, or a package, of which an entry's `kind` names the file.
        result: The record that the stage leaves in data/results/<stage>/<name>; None for a stage that measures nothing.
        needed: Whether there must be an entry.
        refers: Which key of an entry names an entry of which sections.
        device: Whether the stage computes on the GPU where there is one.
    """

    section: str
    stage: str
    spec: str
    result: str | None = None
    needed: bool = False
    refers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    device: bool = False

    @property
    def model(self) -> bool:
        """Whether the stage writes data/models/<name>."""
        return self.section in MODELS


MODELS = ("train", "transfer", "finetune", "backbones")  # their weights lie side by side in data/models

GROUPS = {
    group.section: group
    for group in (
        Group("datasets", "fetch", "datasets", needed=True),
        Group("tasks", "split", "tasks.split:Split", "task.json", needed=True, refers=(("dataset", ("datasets",)),)),
        Group(
            "train",
            "train",
            "training.spec:Run",
            "run.json",
            needed=True,
            refers=(("task", ("tasks",)),),
            device=True,
        ),
        Group(
            "transfer",
            "transfer",
            "transfers.transfer:Transfer",
            "run.json",
            refers=(("task", ("tasks",)), ("source", MODELS)),
            device=True,
        ),
        Group("backbones", "weights", "backbones"),
        Group(
            "encoders",
            "embed",
            "encoders.spec:Encoder",
            refers=(("source", MODELS), ("task", ("tasks",))),
            device=True,
        ),
        Group("probes", "probe", "probes._spec:Probes", "probe.json", refers=(("", ("encoders",)),), device=True),
        Group("maps", "tsne", "maps.spec:Map", "map.json", refers=(("", ("encoders",)),)),
        Group(
            "finetune",
            "finetune",
            "transfers.finetune:Finetune",
            "run.json",
            refers=(("encoder", ("probes",)), ("source", MODELS), ("task", ("tasks",))),
            device=True,
        ),
        Group("sweeps", "sweep", "sweeps.spec:Sweep", "sweep.json", refers=(("run.task", ("tasks",)),), device=True),
        Group(
            "lessons",
            "lesson",
            "lessons.spec:Lessons",
            "lesson.json",
            refers=(("tasks.mlp", ("tasks",)), ("tasks.convolution", ("tasks",))),
        ),
    )
}
RUNS = ("train", "transfer", "finetune")  # sections whose entries train a network on a task
STAGES = {group.stage: group for group in GROUPS.values()}


def force(stage: str, name: str) -> str:
    """The command that makes a stage's outputs again. --force by itself would run all that it follows from, too."""
    return f"dvc repro --force {stage}@{name} --single-item"


def again(path: Path) -> str:
    """The end of an error's line: how to make `data/results/<stage>/<name>/<file>` again."""
    return f"run: {force(path.parent.parent.name, path.parent.name)}"
