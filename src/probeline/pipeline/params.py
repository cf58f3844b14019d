"""The one loader of params.yaml, and the base of every typed specification.

A stage reads its own section and no other: `read("train.d1-softmax", Run)`. Every section asked for is announced as
the audit event `probeline.params`, so that a test can compare it with what dvc.yaml declares.
"""

import re
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from probeline.pipeline.errors import UserError, unknown

FILE = Path("params.yaml")
S = TypeVar("S", bound="Spec")


class Spec(BaseModel):
    """A typed piece of params.yaml: unknown keys are refused, nothing is converted, nothing changes later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValueError("is not a mapping of keys to values; write its keys below it, indented")  # noqa: TRY004
        for key in data:
            if key not in cls.model_fields:
                raise ValueError(unknown("key", key, cls.model_fields))
        return data


class _Loader(yaml.SafeLoader):
    """YAML as DVC reads and writes it (1.2): 1e-3 is a number; yes, no, on and off are words."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":float"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF")
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^(?:[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    "-+.0123456789",
)


def load_yaml(path: Path) -> Any:
    """Read a YAML file as DVC does.

    Raises:
        UserError: The file is missing or is not YAML.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 (a SafeLoader)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; run from the folder that holds it") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise UserError(f"{path}: {line}not YAML: {getattr(error, 'problem', error)}; mend it there") from error


def section(where: str = "") -> Any:
    """The section of params.yaml at a dotted path, as plain data; everything for an empty path."""
    sys.audit("probeline.params", where)
    found = load_yaml(FILE)
    for key in where.split(".") if where else ():
        if not isinstance(found, Mapping) or key not in found:
            group = where.rpartition(".")[0]
            known = found if isinstance(found, Mapping) else ()
            raise UserError(f"{FILE}: {unknown(f'entry of {group}', key, map(str, known))}")
        found = found[key]
    return found


def read(where: str, spec: type[S]) -> S:
    """The section of params.yaml at a dotted path, checked against its specification."""
    return validate(where, section(where), spec)


def validate(where: str, data: Any, spec: type[S], file: Path = FILE) -> S:
    """Check plain data against a specification.

    Raises:
        UserError: One line for each mistake: file, key, what is wrong.
    """
    try:
        return spec.model_validate(data)
    except ValidationError as error:
        raise UserError(*(f"{file}: {_dotted(where, e['loc'])}: {_say(e)}" for e in error.errors())) from None


def _dotted(where: str, loc: tuple[int | str, ...]) -> str:
    # pydantic names the member of a union that it tried; a user knows no such names.
    keys = [str(key) for key in loc if isinstance(key, int) or re.fullmatch(r"[A-Za-z0-9_-]+", key)]
    return ".".join([where, *keys] if where else keys)


def _say(error: Any) -> str:
    if error["type"] == "missing":
        return "is missing; add it"
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "value_error":
        return message
    message = message[:1].lower() + message[1:].replace("Input should", "should")
    return f"{message.replace('input should', 'should')}, not {error['input']!r}"


def part(package: str, key: str = "name") -> Any:
    """The type of a specification whose class stands in `src/probeline/<package>/<its name>.py` as `Spec`."""
    return Annotated[Any, BeforeValidator(_by_name(package, key))]


def _by_name(package: str, key: str) -> Callable[[Any], Any]:
    def resolve(data: Any) -> Any:
        if isinstance(data, Spec):
            return data
        if not isinstance(data, Mapping) or not isinstance(data.get(key), str):
            raise ValueError(f"needs the key '{key}': the name of a file in src/probeline/{package}/")  # noqa: TRY004
        return module(package, data[key]).Spec.model_validate(dict(data))

    return resolve


def module(package: str, name: str) -> Any:
    """Import the module of a part by its name in params.yaml.

    Raises:
        ValueError: There is no such file; the message lists those there are.
    """
    folder = Path(__file__).parent.parent / package
    names = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    if name not in names:
        raise ValueError(f"{unknown(package.removesuffix('s'), name, names)} (a file in src/probeline/{package}/)")
    return import_module(f"probeline.{package}.{name}")
