"""The version folder of one segmenter: its network's files, checked first, and the step that runs them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from wrinkle_core.contract import SegmenterContract, model
from wrinkle_export.openvino_ir.write_ir import IR_FILE, write_ir
from wrinkle_export.repository.deployment import Runtime
from wrinkle_export.repository.network_check import check_network
from wrinkle_export.repository.served_network import ServedNetwork

__all__ = ["fitted_network", "write_segmenter_version"]

_SEGMENTER_STEP: Final = Path(__file__).resolve().parent / "templates" / "openvino_segmenter" / "model.py"


def fitted_network(network: ServedNetwork, spec: SegmenterContract, runtime: Runtime, scratch: Path) -> ServedNetwork:
    """Return a network as its runtime wants it, after its ports were compared with the contract.

    Args:
        network: What was chosen to be served.
        spec: The segmenter.
        runtime: What will run it.
        scratch: Folder for what is made from it; keep it until the files are copied.

    Raises:
        ArtifactError: The network does not fit the contract.
    """
    if runtime == "tensorrt":  # a plan can be opened on its own GPU only; its manifest was compared
        return network
    check_network(network.main_path, model(spec.name))
    if runtime != "openvino" or network.openvino_hint == "f32" or network.main_path.suffix != ".onnx":
        return network
    # An ONNX file that may run in BF16 becomes an IR, which alone can say which layers must not.
    folder = scratch / f"{spec.name}-ir"
    folder.mkdir()
    write_ir(network.main_path, spec.input_px, folder)
    return ServedNetwork({path.name: path for path in folder.iterdir()}, IR_FILE, network.openvino_hint)


def write_segmenter_version(folder: Path, network: ServedNetwork, runtime: Runtime) -> None:
    """Fill the empty ``folder`` with the files of ``network`` and, for OpenVINO, with the step that runs them."""
    for name, path in network.files.items():
        shutil.copyfile(path, folder / name)
    if runtime == "openvino":
        shutil.copyfile(_SEGMENTER_STEP, folder / "model.py")
