"""train@run: train a model on a task, once a seed; keep the weights, scores and curves."""

from pathlib import Path
from typing import Any

from probeline import task as tasks
from probeline.pipeline import files
from probeline.pipeline.params import read
from probeline.pipeline.stage import stage
from probeline.training import checkpoint, device
from probeline.training.record import blueprint, record, save_weights
from probeline.training.seeds import Effort, parameters, train
from probeline.training.spec import Run


def main(name: str) -> dict[str, Any]:
    run = read(f"train.{name}", Run)
    folder = Path("data/tasks") / run.task
    task, where, effort = tasks.load(folder), device.choose(), Effort()
    mark = checkpoint.fingerprint(folder, {"run": run.model_dump(exclude={"seeds"}), **device.describe(where)})
    with checkpoint.store(name, mark) as checkpoints:
        trained = train(name, run, task, checkpoints, effort, where)
        with files.new_folder(Path("data/models") / name) as model:
            for result in trained:
                save_weights(model / f"seed-{result.seed}.pt", result)
            files.write_json(model / "model.json", blueprint(run, task))
        with files.new_folder(Path("data/results") / name) as measured:
            files.write_json(measured / "run.json", record(run, task, parameters(run, task, name), trained))
    return effort.facts(where)


if __name__ == "__main__":
    stage(main)
