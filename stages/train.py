"""train@run: train a model on a task, once per seed; keep the weights, outputs and history."""

from typing import Any

from probeline.pipeline.stage import stage


def main(name: str) -> dict[str, Any]:
    from probeline.pipeline.params import read
    from probeline.training.job import Job
    from probeline.training.run import carry_out
    from probeline.training.spec import Run

    return carry_out("train", name, Job.of(read(f"train.{name}", Run)))


if __name__ == "__main__":
    stage(main)
