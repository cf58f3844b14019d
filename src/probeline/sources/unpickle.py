"""Weights from files of others: tensors by name, and nothing else. Nothing in such a file is ever called.

A pickle is a program that may call anything. PyTorch reads its own files with an unpickler that admits tensors only; a
raw pickle of a state_dict gets one here, with no more in it than such a file needs.
"""

import io
import pickle
import re
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from probeline.pipeline.errors import UserError
from probeline.sources.own import some

ZIP, LEGACY = b"PK\x03\x04", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # how PyTorch's two formats begin


class _Refused(Exception):  # noqa: N818 (says what was met)
    """A pickle wants something that is no tensor."""


def load(content: bytes, what: str) -> dict[str, Tensor]:
    """The tensors of a state_dict, by name: dense, of floats or integers, on the CPU.

    Args:
        content: What `torch.save` or `pickle.dump` wrote: the state_dict, or a dictionary that holds exactly one, under
            whatever name.
        what: For messages.

    Raises:
        UserError: It is neither, or damaged, or holds anything but weights; one line names what it holds.
    """
    try:
        found = _torch(content) if content.startswith((ZIP, LEGACY)) else _Unpickler(io.BytesIO(content)).load()
    except _Refused as error:
        wanted = some([str(error)])
        raise UserError(
            f"{what}: a pickle that wants to call {wanted}, which is no part of weights; nothing of it was run; "
            "of a model of your own save the weights alone: torch.save(model.state_dict(), ...)"
        ) from None
    except Exception as error:  # noqa: BLE001 (odd bytes make PyTorch and pickle raise errors of many types)
        raise UserError(
            f"{what}: not a file of weights, or damaged ({_short(error)}); give a state_dict that torch.save wrote"
        ) from None
    return {name: _plain(name, value, what, len(content)) for name, value in _named(found, what).items()}


def _torch(content: bytes) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle protocols
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # PyTorch says in many lines that the file may be loaded all the same; only the name is of use.
        if wanted := re.search(r"GLOBAL (\S+)", str(error)):
            raise _Refused(wanted[1]) from None
        raise pickle.UnpicklingError("PyTorch finds other things than weights in it") from None


def _named(found: Any, what: str) -> dict[str, Tensor]:
    """The state_dict itself, or the one that a checkpoint holds beside other things."""
    if _is_state(found):
        return dict(dict.items(found))
    inner = {key: value for key, value in dict.items(found) if _is_state(value)} if isinstance(found, dict) else {}
    if len(inner) != 1:
        held = some(list(map(str, found))) if isinstance(found, dict) else type(found).__name__
        many = f"several state_dicts ({some(list(map(str, inner)))})" if inner else f"no state_dict (but {held})"
        raise UserError(f"{what}: holds {many}; save the one that counts: torch.save(model.state_dict(), ...)")
    (state,) = inner.values()
    return dict(dict.items(state))


def _is_state(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and len(found) > 0
        and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in dict.items(found))
    )


def _plain(name: str, value: Tensor, what: str, size: int) -> Tensor:
    kind, name = str(value.dtype).removeprefix("torch."), some([name])
    layout = "nested" if value.is_nested else value.layout
    if layout != torch.strided or value.is_quantized or not re.fullmatch(r"b?float\d+|u?int\d+", kind):
        raise UserError(f"{what}: {name} is a tensor of {layout}, {kind}; weights are dense floats or integers")
    if value.device.type != "cpu":
        raise UserError(f"{what}: {name} has no values; save the weights themselves")
    if value.nbytes > size:  # a view may repeat one number without end
        raise UserError(f"{what}: {name} would be larger than its file; do not use this file")
    return value.detach().clone(memory_format=torch.contiguous_format)


class _State(dict[Any, Any]):
    """In place of OrderedDict: what a pickle would set on it is dropped."""

    def __setstate__(self, state: Any) -> None:
        pass


def _storage(content: Any) -> Tensor:
    """In place of torch.storage._load_from_bytes, which unpickles freely: the values of a storage, (N,)."""
    if not isinstance(content, bytes) or not content.startswith((ZIP, LEGACY)):
        raise _Refused("torch.storage._load_from_bytes with other bytes than those of a storage")
    found = _torch(content)
    if not isinstance(found, torch.storage.TypedStorage):
        raise _Refused(f"torch.storage._load_from_bytes for a {type(found).__name__}")
    return torch.empty(0, dtype=found.dtype).set_(found)


def _tensor(values: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Tensor:
    """In place of torch._utils._rebuild_tensor_v2: a view that as_strided keeps within its storage."""
    if not isinstance(values, Tensor):
        raise _Refused("torch._utils._rebuild_tensor_v2 without a storage")
    return values.as_strided(size, stride, offset)


def _bytes(text: Any, encoding: str) -> bytes:
    """In place of _codecs.encode, by which old pickles write bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise _Refused("_codecs.encode for other things than bytes")
    return text.encode("latin1")


def _parameter(value: Any, *_: Any) -> Tensor:
    """In place of torch._utils._rebuild_parameter."""
    if not isinstance(value, Tensor):
        raise _Refused("torch._utils._rebuild_parameter without a tensor")
    return value


ADMITTED: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _State,
    ("_codecs", "encode"): _bytes,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch.storage", "_load_from_bytes"): _storage,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise _Refused(f"{module}.{name}")
        return ADMITTED[module, name]


def _short(error: BaseException) -> str:
    return (str(error).strip().partition("\n")[0] or type(error).__name__)[:100]
