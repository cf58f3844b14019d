"""train@run: train a model on a task, once a seed; keep the weights, scores and curves."""

from typing import Any

from probeline.pipeline.params import read
from probeline.pipeline.stage import stage
from probeline.training.run import carry_out
from probeline.training.spec import Run


def main(name: str) -> dict[str, Any]:
    return carry_out("train", name, read(f"train.{name}", Run))


if __name__ == "__main__":
    stage(main)
