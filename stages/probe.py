"""probe@encoder: how well its vectors tell the classes apart: linear probes and nearest neighbors."""

from typing import Any

from probeline.pipeline.stage import stage


def main(name: str) -> dict[str, Any]:
    from probeline.pipeline.params import read
    from probeline.probes._run import carry_out
    from probeline.probes._spec import Probes

    return carry_out(name, read(f"probes.{name}", Probes))


if __name__ == "__main__":
    stage(main)
