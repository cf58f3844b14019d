"""The one loader of params.yaml, and the base of every typed specification.

A stage reads its own section and no other: `read("train.d4-softmax", Run)`. Every section asked for is announced as
the audit event `probeline.params`, so that a test can compare it with what dvc.yaml declares.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from probeline.pipeline import errors
from probeline.pipeline.errors import UserError, unknown

FILE = Path(errors.FILE)
LONGEST = 80  # characters of a value in a message
S = TypeVar("S", bound="Spec")


class Spec(BaseModel):
    """A typed piece of params.yaml: unknown keys are refused, nothing is converted, nothing changes later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValueError("is not a mapping of keys to values; write its keys below it, indented")  # noqa: TRY004
        keys = [field.alias or name for name, field in cls.model_fields.items()]
        for key in data:
            if key not in keys:
                raise ValueError(unknown("key", key, keys))
        return data


class _Loader(yaml.SafeLoader):
    """YAML as DVC reads and writes it (1.2): 1e-3 and 010 are numbers, ten; yes, no, on and off are words.

    What stands in two places at once (an anchor and its aliases) is refused: `dvc exp run -S` on one changes the other.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if anchor := getattr(event, "anchor", None):
            sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
            raise _refused(f"{sign}{anchor} shares a value, and -S on one place would change all; write it out", event)
        return super().compose_node(parent, index)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        # PyYAML asks this of mappings too. DVC cannot read half a character, and no file can hold it.
        if isinstance(node.value, str) and any("\ud800" <= char <= "\udfff" for char in node.value):
            raise _refused("half of a character (a lone surrogate) stands in a text; write the character itself", node)
        return super().construct_scalar(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused("a list or a mapping stands in place of a key (as {{ }} of a template would be)", key)
            if key.value == "<<":
                raise _refused("<< takes keys over from another place; write them out", key)
            if key.value in seen:
                raise _refused(f"the key {key.value!r} stands there twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _refused(what: str, where: Any) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, what, where.start_mark)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":float", ":int", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$|^0o[0-7]+$|^0x[0-9a-fA-F]+$"), "-+0123456789"
)
_Loader.add_constructor(
    "tag:yaml.org,2002:int",
    lambda _, node: int(node.value, 0 if node.value[:2] in {"0o", "0x"} else 10),
)
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
    except (ValueError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read ({str(error).splitlines()[0][:100]}); mend it there") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        reason = getattr(error, "problem", None) or getattr(error, "reason", error)
        raise UserError(f"{path}: {line}cannot be read: {reason}; mend it there") from error


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
        raise UserError(*(f"{file}: {line}" for line in mistakes(where, error))) from None


def mistakes(where: str, error: ValidationError) -> Iterator[str]:
    """Each mistake in words: its key below a dotted path, and what is wrong."""
    for found in error.errors():
        key = _dotted(where, found["loc"])
        yield f"{key}: {_say(found)}" if key else _say(found)


def _dotted(where: str, loc: tuple[int | str, ...]) -> str:
    # pydantic names the member of a union that it tried; a user knows no such names.
    keys = [str(key) for key in loc if isinstance(key, int) or re.fullmatch(r"[A-Za-z0-9_-]+", key)]
    return ".".join([where, *keys] if where else keys)


def _say(error: Any) -> str:
    if error["type"] == "missing":
        return "is missing; add it"
    if error["type"] == "too_short":
        return "is empty; give at least one"
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "value_error":
        return message
    message = message.removeprefix("Input ").removeprefix("List ").replace(" after validation", "")
    given = repr(error["input"])
    message = re.sub(r"[0-9]{12,}", lambda found: f"{float(found[0]):g}", message)
    return f"{message}, not {given if len(given) <= LONGEST else given[:LONGEST] + '...'}"


def each_once(values: list[Any]) -> list[Any]:
    """The values; for use as a validator.

    Raises:
        ValueError: One stands there twice.
    """
    for place, value in enumerate(values):
        if value in values[:place]:
            raise ValueError(f"names {value} twice; name each once")
    return values


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


def validate_part(where: str, data: Any, package: str, key: str) -> Any:
    """Check an entry against the `Spec` of the file in src/probeline/<package>/ that its `key` names.

    Raises:
        UserError: One line for each mistake.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get(key), str):
        raise UserError(f"{FILE}: {where}: needs the key '{key}': the name of a file in src/probeline/{package}/")
    try:
        found = module(package, data[key])
    except ValueError as error:
        raise UserError(f"{FILE}: {where}.{key}: {error}") from None
    return validate(where, data, found.Spec)


def module(package: str, name: str) -> Any:
    """Import the module of a part by its name in params.yaml.

    Raises:
        ValueError: There is no such file; the message lists those there are.
    """
    if name not in (known := names(package)):
        raise ValueError(f"{unknown(package.removesuffix('s'), name, known)} (a file in src/probeline/{package}/)")
    return import_module(f"probeline.{package}.{name}")


def names(package: str) -> list[str]:
    """The names in params.yaml of the parts in `src/probeline/<package>/`."""
    folder = Path(__file__).parent.parent / package
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
