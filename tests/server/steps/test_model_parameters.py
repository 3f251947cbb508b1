"""What a step reads of its model's configuration."""

from __future__ import annotations

import json

import pytest

from wrinkle_core.contract import CONTRACT_VERSION
from wrinkle_core.errors import ContractError
from wrinkle_server.steps.backend import ModelParameters
from wrinkle_server.steps.preprocess_step import PreprocessStep
from wrinkle_server.steps.segment_step import SegmentStep
from wrinkle_server.steps.step import Step
from wrinkle_server.steps.threshold_step import ThresholdStep


def parameters() -> ModelParameters:
    config = {"parameters": {"threads": {"string_value": "2"}}}
    return ModelParameters({"model_name": "unetpp", "model_config": json.dumps(config)})


def test_parameter_is_its_text() -> None:
    assert parameters()["threads"] == "2"
    assert parameters().get("precision.2", "auto") == "auto"


def test_missing_parameter_names_the_model_and_the_remedy() -> None:
    with pytest.raises(ContractError, match="unetpp lacks max_pixels; assemble the repository again"):
        parameters()["max_pixels"]


@pytest.mark.parametrize("step", [PreprocessStep, SegmentStep, ThresholdStep], ids=lambda step: str(step.__name__))
def test_step_of_another_contract_version_does_not_start(step: type[Step]) -> None:
    config = {"parameters": {"contract_version": {"string_value": str(CONTRACT_VERSION - 1)}}}
    args = {"model_name": "threshold", "model_instance_name": "threshold_0", "model_config": json.dumps(config)}
    with pytest.raises(ContractError, match="repository is older; assemble it again"):
        Step.initialize(object.__new__(step), args)
