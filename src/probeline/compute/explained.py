"""What PyTorch says of a user's mistake, in words that help."""

import torch

from probeline.pipeline.errors import ParamError


def explained(error: ValueError | RuntimeError) -> Exception:
    """What PyTorch says of a user's mistake, in one line that names the key; anything else as it is."""
    if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return ParamError("", "this machine's memory is too small", "lower batch_size or the model's widths")
    if "without overflow" in str(error):
        return ParamError("", "a number of it is larger than float32 holds", "lower its lr, weight_decay or l2.lambda")
    if "more than 1 value per channel" in str(error):
        return ParamError(
            "batch_size",
            "the last minibatch of an epoch has one image, and batch norm needs two",
            "change the batch size",
        )
    if "does not have a deterministic implementation" in str(error):
        operation = str(error).partition(" ")[0]
        return ParamError(
            "",
            f"a GPU cannot train this network to the same bytes each time ({operation})",
            "set PROBELINE_DEVICE=cpu, or let trainable be only what comes after that layer",
        )
    if any(kind.__module__ == "torch._dynamo.exc" for kind in type(error).__mro__):
        reason = next((line for line in str(error).splitlines() if "ompiler" in line and "backend=" not in line), "")
        return ParamError(
            "compile",
            f"torch.compile cannot work here ({reason.strip()})",
            "install a C++ compiler, or leave compile out",
        )
    return error
