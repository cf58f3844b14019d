"""A run, from its entry in params.yaml to its files: what the stages train, transfer and finetune do."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from probeline.compute import data, device
from probeline.pipeline import checkpoint, files
from probeline.pipeline.folders import new_folder
from probeline.results import outputs, runs
from probeline.tasks import task as tasks
from probeline.tasks.task import Task
from probeline.training import model, seen
from probeline.training.job import Job
from probeline.training.looks import examples, layer_table
from probeline.training.seeds import Log, SeedResult, train

LIBRARY = "pytorch-metric-learning"  # some objectives are its


def carry_out(stage: str, name: str, job: Job) -> dict[str, Any]:
    """Train a run and write data/models/<name> and data/results/<stage>/<name>.

    Returns:
        What the log should know.

    Raises:
        ParamError: The run does not fit its task or its source, or it diverged and may not.
    """
    folder = Path("data/tasks") / job.task
    task, machine, log = tasks.load(folder), device.choose(), Log(f"{stage}@{name}")
    shared = data.to_device(task, job.view, machine)
    with torch.device("meta"):
        network = job.build(task)
    job.start.freeze(network)
    data.insist(job.view, job.view.shape(task))
    pictures = examples(data.of_resample(shared, task, 0))
    layers = layer_table(network, job.view.shape(task))
    _insist_on_unseen(task, job)
    mark = checkpoint.fingerprint([folder, *job.start.folders], _facts(job, machine))
    with checkpoint.store(name, mark) as checkpoints:
        results = train(job, task, shared, checkpoints, log)
        with new_folder(Path("data/models") / name) as kept:
            _save_model(kept, job, task, results)
        with new_folder(Path("data/results") / stage / name) as measured:
            parameters = sum(parameter.numel() for parameter in network.parameters())
            record(job, task, parameters, results).save(measured / runs.FILE)
            for result in results:
                if result.outputs is not None:
                    outputs.save(result.outputs, runs.outputs(measured, result.seed))
            files.write(measured / "layers.txt", layers)
            if pictures is not None:
                files.write_array(measured / "augmented.npy", pictures)
    return log.facts(machine)


def _facts(job: Job, machine: torch.device) -> dict[str, Any]:
    """What determines a training beside data and code. A checkpoint is of one seed, whatever the others are."""
    return {
        "start": job.start.key,
        "recipe": job.recipe.model_dump(),
        "model": job.model.model_dump(),
        "view": job.view,
        **device.describe(machine),
        "metric_learning": version(LIBRARY),
    }


def _save_model(folder: Path, job: Job, task: Task, results: list[SeedResult]) -> None:
    about = model.Model(
        **model.blueprint(job.model, job.view, job.recipe.precision),
        shape=job.view.shape(task),
        outputs=job.recipe.objective.outputs(len(task.classes)),
        task=job.task,
        dataset=task.dataset,
        classes=list(task.classes),
        seeds=list(job.seeds),
    )
    model.save(folder, about, {result.seed: result.fit.weights for result in results})
    for result in results:
        seen.save(seen.in_training(task, result.resample, job.start.seen(result.seed)), folder, result.seed)


def record(job: Job, task: Task, parameters: int, results: list[SeedResult]) -> runs.Run:
    """All that was measured, but the outputs.

    Args:
        parameters: Numbers that the network holds.
    """
    return runs.Run(
        report_id=job.report_id,
        task=job.task,
        dataset=task.dataset,
        model=job.model.name,
        objective=job.recipe.objective.name,
        parameters=parameters,
        start=results[0].begun,
        images=task.counts,
        classes=list(task.classes),
        seeds=[
            runs.Seed(
                seed=result.seed,
                resample=result.resample,
                kept_step=result.fit.step,
                last_step=result.fit.last_step,
                stopped_early=result.fit.stopped_early,
                left_out=result.fit.left_out,
                diverged_at=result.fit.diverged_at,
                losses={split: score.loss for split, score in result.scores.items()},
                history=result.fit.history,
            )
            for result in results
        ],
    )


def _insist_on_unseen(task: Task, job: Job) -> None:
    known = max(seen.overlap(task, job.start.seen(seed))["test"] for seed in job.seeds)
    seen.insist_on_unseen(task, job.task, known, "the weights that it starts from were", "give it another task")
