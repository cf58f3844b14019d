"""A map in params.yaml."""

from typing import Any

import pytest
from pydantic import ValidationError

from probeline.maps.spec import Map


def test_a_map_needs_a_report_id_alone() -> None:
    spec = Map.model_validate({"report_id": "A5"})
    assert (spec.split, spec.images, spec.perplexity, spec.iterations) == ("test", 2000, 30.0, 1000)
    assert (spec.seed, spec.implementation) == (0, "auto")


@pytest.mark.parametrize(
    "changes",
    [
        {"split": "all"},
        {"images": 0},
        {"perplexity": 4.0},  # fewer neighbors than those of which trustworthiness speaks
        {"iterations": 250},  # no more than those of the early exaggeration
        {"implementation": "umap"},
        {"seed": -1},
        {"neighbours": 5},
        {"report_id": None},
    ],
)
def test_what_cannot_be_drawn_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as error:
        Map.model_validate({"report_id": "A5"} | changes)
    assert error.value.error_count() == 1
