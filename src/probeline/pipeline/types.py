"""Types that keys of params.yaml share."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from probeline.pipeline.params import each_once

# No number that PyTorch could not hold as float32 or int32, nor what is made of it: the gradient of a penalty has twice
# its lambda, the first step of Adam ten times the learning rate.
Positive = Annotated[float, Field(gt=0, le=1e35)]
NotNegative = Annotated[float, Field(ge=0, le=1e35)]
Count = Annotated[int, Field(ge=1, lt=2**31)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


MOST = 10_000  # seeds
LONGEST_NAME = 80  # letters: two of them and more go into one file's name, which may have 255


def _counted(value: object) -> object:
    """A number of seeds stands for the first so many."""
    if isinstance(value, list):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST:
        return list(range(value))
    raise ValueError(f"is {value!r}; give a number of seeds from 1 to {MOST}, or a list of them")


# `seeds: 3` is `seeds: [0, 1, 2]`.
Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(each_once), BeforeValidator(_counted)]


def _report_id(value: str) -> str:
    if not re.fullmatch("[A-Za-z0-9]+(-[A-Za-z0-9]+)*", value):
        raise ValueError(f"is {value!r} and goes into the name of a file; use letters, digits and single hyphens: A2")
    if len(value) > LONGEST_NAME:
        raise ValueError(f"has {len(value)} letters and goes into the name of a file; give at most {LONGEST_NAME}")
    return value


# An id of docs/experiments.md, or a word of the user's own. What has the same one is drawn side by side.
ReportId = Annotated[str, AfterValidator(_report_id)]
