"""finetune@run: go on from a linear probe: the encoder's network with the probe as its head, once a seed."""

from typing import Any

from probeline.finetune import Spec, Start
from probeline.pipeline.params import read
from probeline.pipeline.stage import stage
from probeline.training.run import carry_out


def main(name: str) -> dict[str, Any]:
    where = f"finetune.{name}"
    start = Start(read(where, Spec), where)
    return carry_out("finetune", name, start.run, start)


if __name__ == "__main__":
    stage(main)
