"""Whether the `dvc` that started this stage is still there.

A `dvc` that is killed leaves its stage running. What that stage would write then goes into a folder that nobody
watches, and that the next `dvc` may already have given to another run.
"""

import os

from probeline.pipeline.errors import UserError

# stages/python.sh names it, for Python takes a moment to start, and that dvc may be gone by then.
_STARTED_BY = int(os.environ.get("DVC_PID") or os.getppid()) if "DVC_ROOT" in os.environ else None


def gone() -> bool:
    """Whether the parent process has ended. Never for a stage that was started by hand."""
    return _STARTED_BY is not None and os.getppid() != _STARTED_BY


def insist() -> None:
    """Go on only for a living parent.

    Raises:
        UserError: It is gone.
    """
    if gone():
        raise UserError("the dvc that started this stage is gone; nothing was written; run the same command again")
