import pytest

from wrinkle_core.contract import (
    MODELS,
    SEGMENTERS,
    SegmenterContract,
    TensorContract,
    model,
    segmenter,
    segmenter_by_id,
)
from wrinkle_core.errors import ContractError, InvalidParameterError

SERVED = {
    "skin_mask", "skin_texture", "unetpp", "unet_texture", "threshold", "wrinkle_unetpp", "wrinkle_unet_texture"
}  # fmt: skip


def test_the_seven_models_of_the_design_are_served() -> None:
    assert {contract.name for contract in MODELS} == SERVED
    assert len(MODELS) == len(SERVED)


@pytest.mark.parametrize("spec", SEGMENTERS, ids=lambda spec: spec.name)
def test_every_ensemble_tensor_is_produced_once_and_consumed(spec: SegmenterContract) -> None:
    ensemble = model(spec.ensemble)
    produced = [name for step in ensemble.steps for _, name in step.output_map]
    consumed = {name for step in ensemble.steps for _, name in step.input_map}
    known = {tensor.name for tensor in ensemble.inputs} | set(produced)
    assert len(produced) == len(set(produced))
    assert consumed <= known
    assert {tensor.name for tensor in ensemble.outputs} <= set(produced)


@pytest.mark.parametrize("spec", SEGMENTERS, ids=lambda spec: spec.name)
def test_ensemble_steps_use_tensors_that_their_models_have(spec: SegmenterContract) -> None:
    for step in model(spec.ensemble).steps:
        contract = model(step.model_name)
        assert {name for name, _ in step.input_map} == {tensor.name for tensor in contract.inputs}
        assert {name for name, _ in step.output_map} == {tensor.name for tensor in contract.outputs}


def test_segmenters_are_found_by_name_and_by_id() -> None:
    for spec in SEGMENTERS:
        assert segmenter(spec.name) is spec
        assert segmenter_by_id(spec.id) is spec


def test_an_unknown_segmenter_is_named_with_the_choices() -> None:
    with pytest.raises(InvalidParameterError, match="unetpp, unet_texture"):
        segmenter("unet3d")
    with pytest.raises(ContractError):
        segmenter_by_id(99)
    with pytest.raises(ContractError):
        model("nothing")


def test_a_tensor_whose_axes_and_dims_differ_is_refused() -> None:
    with pytest.raises(ContractError, match="differ"):
        TensorContract("X", "UINT8", (1, 2), "CHW", (), (0, 1), "")
    with pytest.raises(ContractError, match="channels"):
        TensorContract("X", "UINT8", (4, 2, 2), "CHW", ("R", "G", "B"), (0, 1), "")
