"""embed@encoder: the vectors that a network gives for all images of a task, once."""

from typing import Any

from probeline.pipeline.stage import stage


def main(name: str) -> dict[str, Any]:
    from probeline.encoders.run import carry_out
    from probeline.encoders.spec import Encoder
    from probeline.pipeline.params import read

    return carry_out(name, read(f"encoders.{name}", Encoder))


if __name__ == "__main__":
    stage(main)
