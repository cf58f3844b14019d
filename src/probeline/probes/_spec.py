"""What an entry of `probes` is in params.yaml."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from probeline.pipeline.errors import unknown
from probeline.pipeline.params import Spec, names, part
from probeline.pipeline.types import ReportId

ALWAYS = ("logistic", "knn")  # fitted where an entry does not say null


class Probes(Spec):
    """An entry of `probes`, under the name of an encoder: `{report_id: A6, logistic: {...}, gradient: {...}}`.

    Every other key is the name of a file in probes/, with the options of its `Spec`. Logistic regression and nearest
    neighbors come by themselves; null leaves one out.

    Attributes:
        probes: The specification of each probe by its name, in the order in which they are fitted.
    """

    report_id: ReportId
    # A name that no key can have: messages leave it out.
    probes: dict[str, part("probes")] = Field(alias="(probes)", min_length=1)  # type: ignore[valid-type]

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        given = {name: value for name, value in data.items() if name != "report_id"}
        for name, value in given.items():
            if name not in (known := names("probes")):
                raise ValueError(f"{unknown('key', name, ['report_id', *known])} (or a file in src/probeline/probes/)")
            if value is not None and not isinstance(value, Mapping):
                example = "{neighbors: [5]}" if name == "knn" else "{...}"
                raise ValueError(f"{name}: is {value!r}; write its options below its name, as in `{name}: {example}`")
            if value is not None and "name" in value:
                raise ValueError(f"{name}.name: the key says already which probe it is; leave name out")
        named = {**{name: {} for name in ALWAYS}, **given}
        probes = {
            name: {"name": name, **value} if isinstance(value, Mapping) else value
            for name, value in named.items()
            if value is not None
        }
        return {**{key: data[key] for key in ("report_id",) if key in data}, "(probes)": probes}
