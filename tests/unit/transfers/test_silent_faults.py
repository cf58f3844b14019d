"""Transfers that left weights of their source behind."""

from typing import Any

import pytest
import torch
from torch import nn

from probeline.models import _contract
from probeline.pipeline.errors import ParamError
from probeline.pipeline.params import module
from probeline.transfers.transfer import Layers

CONVNET = {"name": "convnet", "channels": [4], "kernel_size": 3, "padding": 1, "batch_norm": False, "hidden": [5]}


def network(**changes: Any) -> nn.Module:
    spec = module("models", "convnet").Spec.model_validate(CONVNET | changes)
    with torch.device("meta"):
        return _contract.build(spec, (1, 8, 8), 3)


@pytest.mark.parametrize(
    ("source", "layers"),
    [({"batch_norm": True}, "features.norm1"), ({"hidden": [5, 4]}, "features.fc2"), ({"embedding": 5}, "")],
)
def test_weights_of_a_part_that_is_loaded_are_loaded_or_named(source: dict[str, Any], layers: str) -> None:
    # As it was: the layers that the source alone has were left out, without a word.
    found = network(**source).state_dict()
    if not layers:  # a part that load does not name may stay behind
        assert Layers("first", ["features"], ["head"], "all").fit(network(), found)
        return
    with pytest.raises(ParamError) as error:
        Layers("first", ["features"], ["head"], "all").fit(network(), found)
    assert str(error.value) == (
        f"params.yaml: load: first has layers that this model has not, and their weights would be dropped: {layers}; "
        "let the model be that of the source, or name in load the layers that are in both"
    )
    assert Layers("first", ["features.conv1", "features.fc1"], ["head"], "all").fit(network(), found)


def test_many_layers_are_a_few_names_and_a_number() -> None:
    found = network(hidden=[5] * 40).state_dict()
    with pytest.raises(ParamError) as error:
        Layers("first", ["features"], ["head"], "all").fit(network(), found)
    assert len(error.value.lines[0]) < 300
    assert " more; let the model be that of the source" in error.value.lines[0]
