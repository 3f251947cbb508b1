"""Whether an ONNX or OpenVINO file has exactly the ports that the tensor contract gives its segmenter."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from wrinkle_core.contract import ModelContract, TensorContract
from wrinkle_core.errors import ArtifactError
from wrinkle_core.openvino_core import openvino_core, ov

__all__ = ["check_network"]

_DATATYPES: Final = {"UINT8": ov.Type.u8, "FP32": ov.Type.f32}


def check_network(network_path: Path, contract: ModelContract) -> None:
    """Compare the ports of a file with a segmenter's contract; the batch axis must be dynamic.

    Raises:
        ArtifactError: The file is missing, unreadable, or a port differs.
    """
    if not network_path.is_file():
        raise ArtifactError(f"The network of {contract.name} is missing: there is no file {network_path}.")
    try:
        network = openvino_core().read_model(network_path)
    except RuntimeError as error:
        raise ArtifactError(f"{network_path.name} cannot be read as an ONNX or IR model; export it again.") from error
    _check_ports(f"{network_path.name} for {contract.name}", "input", network.inputs, contract.inputs)
    _check_ports(f"{network_path.name} for {contract.name}", "output", network.outputs, contract.outputs)


def _check_ports(what: str, direction: str, ports: list[Any], tensors: tuple[TensorContract, ...]) -> None:
    found = {name: port for port in ports for name in port.get_names()}
    names = [tensor.name for tensor in tensors]
    if len(ports) != len(tensors) or not set(names) <= set(found):
        raise ArtifactError(f"{what}: {direction}s must be {names}, got {sorted(found)}.")
    for tensor in tensors:
        port = found[tensor.name]
        wanted = ov.PartialShape([-1, *tensor.dims])
        if port.get_element_type() != _DATATYPES[tensor.datatype] or port.get_partial_shape() != wanted:
            raise ArtifactError(
                f"{what}: {tensor.name} must be {tensor.datatype} {wanted}, "
                f"got {port.get_element_type().get_type_name()} {port.get_partial_shape()}."
            )
