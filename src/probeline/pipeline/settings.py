"""The settings of a machine: environment variables, because a cache must not depend on them.

Every variable that Probeline reads stands here, with what it does and its default; docs/guide.md shows the table.
"""

import math
import os
import re
from pathlib import Path
from typing import NamedTuple

from probeline.pipeline.errors import UserError


class Setting(NamedTuple):
    """An environment variable.

    Attributes:
        what: What it sets.
        default: Its value where it is not set; None for none.
        otherwise: What happens where it is not set and has no default.
    """

    what: str
    default: str | None
    otherwise: str = ""


SETTINGS = {
    "PROBELINE_DEVICE": Setting(
        "the device that trains, embeds and probes", default=None, otherwise="cuda where there is one, else cpu"
    ),
    "PROBELINE_THREADS": Setting(
        "threads of a stage where `numerics` is native; portable takes one", default=None, otherwise="one per core"
    ),
    "PROBELINE_MIRROR": Setting(
        "a folder with archives of datasets and files of weights; it is only read", default=None, otherwise="none"
    ),
    "PROBELINE_DOWNLOADS": Setting("where archives wait until they have been read", default=".downloads"),
    "PROBELINE_CHECKPOINTS": Setting("where checkpoints lie until their stage has ended", default=".checkpoints"),
    "PROBELINE_CHECKPOINT_SECONDS": Setting("least time between two checkpoints of a training", default="5"),
    "PROBELINE_LOGS": Setting("where times.jsonl lies", default="logs"),
}


def root() -> Path:
    """The clone. DVC names it in DVC_ROOT, also for experiments that it runs in a folder of their own."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def given(variable: str) -> str | None:
    """What the user has set; None for nothing."""
    assert variable in SETTINGS, variable
    return os.environ.get(variable) or None


def _given_or_default(variable: str) -> str:
    value = given(variable) or SETTINGS[variable].default
    assert value is not None, f"{variable} has no default: ask given() first"
    return value


def folder(variable: str) -> Path:
    """A folder of this machine: the one that the user names, or the default; a relative path counts from the clone.

    A variable without a default must be set: see `given`.

    Raises:
        UserError: `~name` of a user that is not there.
    """
    named = _given_or_default(variable)
    try:
        return root() / Path(named).expanduser()
    except RuntimeError:
        raise UserError(f"{variable}={named}: there is no such user; name a folder") from None


def threads() -> int | None:
    """PROBELINE_THREADS; None leaves it to PyTorch.

    Raises:
        UserError: It is no number from 1 to 999.
    """
    number = given("PROBELINE_THREADS")
    if number is None:
        return None
    if not re.fullmatch("[1-9][0-9]{0,2}", number):
        raise UserError(f"PROBELINE_THREADS={number}: not a number of threads; give 1 to 999, or unset it")
    return int(number)


def checkpoint_seconds() -> float:
    """PROBELINE_CHECKPOINT_SECONDS.

    Raises:
        UserError: It is no number from 0 up.
    """
    variable = "PROBELINE_CHECKPOINT_SECONDS"
    number = _given_or_default(variable)
    try:
        seconds = float(number)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise UserError(f"{variable}={number}: not a number of seconds; give 0 or more, or unset it")
    return seconds
