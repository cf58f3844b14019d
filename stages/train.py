"""train@run: train a model on a task, once a seed; keep the weights, scores and curves."""

from pathlib import Path
from typing import Any

from probeline import task as tasks
from probeline.pipeline import files
from probeline.pipeline.params import read
from probeline.pipeline.stage import stage
from probeline.training import checkpoint, device, results
from probeline.training.spec import Run
from probeline.training.training import Effort, parameters, train


def main(name: str) -> dict[str, Any]:
    run = read(f"train.{name}", Run)
    folder = Path("data/tasks") / run.task
    task, where, effort = tasks.load(folder), device.choose(), Effort()
    mark = checkpoint.fingerprint(folder, {"run": run.model_dump(exclude={"seeds"}), **device.describe(where)})
    with checkpoint.store(name, mark) as checkpoints:
        trained = train(name, run, task, checkpoints, effort, where)
        with files.new_folder(Path("data/models") / name) as model:
            for result in trained:
                results.save_weights(model / f"seed-{result.seed}.pt", result)
            files.write_json(model / "model.json", results.blueprint(run, task))
        with files.new_folder(Path("data/results") / name) as found:
            size = parameters(run, task, name)
            files.write_json(found / "metrics.json", results.metrics(run, task, size, trained))
            results.write_curves(found / "curves.csv", trained)
            results.write_history(found / "history.csv", trained)
            results.write_confusion(found / "confusion.csv", task.classes, trained)
    return effort.facts(where)


if __name__ == "__main__":
    stage(main)
