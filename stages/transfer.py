"""transfer@run: the same as train@run, from the weights of another run."""

from pathlib import Path
from typing import Any

from probeline import transfer
from probeline.pipeline.params import read
from probeline.pipeline.stage import stage
from probeline.training.run import carry_out
from probeline.training.spec import Transfer


def main(name: str) -> dict[str, Any]:
    run = read(f"transfer.{name}", Transfer)
    weights = Path("data/models") / run.source
    start = transfer.Start(run, transfer.source(run.source, weights), f"transfer.{name}")
    return carry_out("transfer", name, run, start, weights)


if __name__ == "__main__":
    stage(main)
