"""What a step reads of its model's configuration."""

from __future__ import annotations

import json

import pytest

from wrinkle_core.errors import ContractError
from wrinkle_server.steps.backend import ModelParameters


def parameters() -> ModelParameters:
    config = {"parameters": {"threads": {"string_value": "2"}}}
    return ModelParameters({"model_name": "unetpp", "model_config": json.dumps(config)})


def test_parameter_is_its_text() -> None:
    assert parameters()["threads"] == "2"
    assert parameters().get("precision.2", "auto") == "auto"


def test_missing_parameter_names_the_model_and_the_remedy() -> None:
    with pytest.raises(ContractError, match="unetpp lacks max_pixels; assemble the repository again"):
        parameters()["max_pixels"]
