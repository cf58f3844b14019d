"""What the tests of transfers share: images of 8x8, and a folder with the run `mine`."""

from tests.unit.encoders.conftest import project, task

__all__ = ["project", "task"]
