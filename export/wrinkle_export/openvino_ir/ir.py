"""An ONNX artifact as OpenVINO IR: ``model.xml`` and ``model.bin``.

The FP32 IR is what a CPU serves: it runs in FP32, or in BF16 where the processor has it, and then keeps its shallow
layers in FP32 (see shallow_layers.py), which the ONNX file cannot ask for. INT8 is made from calibration pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from wrinkle_core.errors import ArtifactError
from wrinkle_core.openvino_core import openvino_core, ov
from wrinkle_export.artifacts.build_folder import BuildFolder, Draft
from wrinkle_export.artifacts.manifest import Artifact, ParityRecord, Port, Precision, digest_of
from wrinkle_export.openvino_ir.int8 import Int8Options, quantised
from wrinkle_export.openvino_ir.shallow_layers import ENOUGH
from wrinkle_export.openvino_ir.write_ir import IR_FILE, write_ir
from wrinkle_export.parity.pictures import Pictures
from wrinkle_export.parity.runners import Hint, onnx_runner, openvino_runner

__all__ = ["export_int8", "export_ir"]

_NOISE_SEED: Final = 20240901
_NOISE_LIMITS: Final[dict[Hint, float]] = {"f32": 1e-4, "bf16": 0.5}
_FORMAT: Final = 1  # raise when the IR is written differently


def export_ir(
    build: BuildFolder, network: str, *, fp32_until_reduced: int = ENOUGH, force: bool = False
) -> tuple[Artifact, bool]:
    """Write ``NETWORK/openvino-fp32`` from ``NETWORK/onnx-fp32``.

    Args:
        build: Where both are.
        network: What the build folder calls it.
        fp32_until_reduced: When run in BF16, keep layers in FP32 until the picture has been reduced so many times.
        force: Write it again when it is up to date.

    Returns:
        The artifact, and whether it was written now.

    Raises:
        ArtifactError: There is no such ONNX artifact, its bytes changed, or the IR answers otherwise than it.
    """
    onnx = build.artifact(f"{network}/onnx-fp32")
    port = _input_port(onnx)

    def make(folder: Path, onnx_path: Path) -> tuple[ParityRecord, ...]:
        ir_path = write_ir(onnx_path, port.shape[-1], folder, fp32_until_reduced=fp32_until_reduced)
        return tuple(_noise_parity(ir_path, onnx_path, port, hint) for hint in ("f32", "bf16"))

    return _export(build, onnx, "fp32", {"fp32_until_reduced": fp32_until_reduced}, ("openvino",), make, force=force)


def export_int8(
    build: BuildFolder, network: str, calibration: Pictures, options: Int8Options, *, force: bool = False
) -> tuple[Artifact, bool]:
    """Write ``NETWORK/openvino-int8`` from ``NETWORK/onnx-fp32`` and calibration pictures; see ``export_ir``.

    Whether its masks are good enough is for the parity gate to say.

    Args:
        build: Where both are.
        network: What the build folder calls it.
        calibration: Photographs prepared for this network; never those it is judged on.
        options: How it is quantised.
        force: Write it again when it is up to date.

    Raises:
        ArtifactError: As ``export_ir``.
        InvalidParameterError: There are too few pictures.
    """
    onnx = build.artifact(f"{network}/onnx-fp32")
    port = _input_port(onnx)

    def make(folder: Path, onnx_path: Path) -> tuple[ParityRecord, ...]:
        model = openvino_core().read_model(onnx_path)
        pixels = [picture.network_input for picture in calibration.used]
        ov.save_model(quantised(model, port.shape[-1], pixels, options), folder / IR_FILE, compress_to_fp16=False)
        openvino_runner(folder / IR_FILE, "f32")(_noise(port))
        return ()

    parts = {"calibration": calibration.data_sha256, "options": options.as_dict()}
    return _export(build, onnx, "int8", parts, ("openvino", "nncf"), make, force=force)


def _export(
    build: BuildFolder,
    onnx: Artifact,
    precision: Precision,
    parts: dict[str, Any],
    tools: tuple[str, ...],
    make: Callable[[Path, Path], tuple[ParityRecord, ...]],
    *,
    force: bool,
) -> tuple[Artifact, bool]:
    onnx_path = build.checked_files(onnx)[0]
    versions = {name: version(name) for name in (*tools, "wrinkle-serving")}
    onnx_sha256 = onnx.files[0].sha256
    key = digest_of(onnx=onnx_sha256, precision=precision, tools=versions, format=_FORMAT, **parts)
    name = f"{onnx.source.network}/openvino-{precision}"
    found = None if force else build.up_to_date(name, key)
    if found is not None:
        return found, False
    source = onnx.source.model_copy(update={"onnx_sha256": onnx_sha256})
    draft = Draft(name, IR_FILE, "openvino", precision, key, source, onnx.ports, versions)
    return build.publish(draft, lambda folder: make(folder, onnx_path)), True


def _input_port(onnx: Artifact) -> Port:
    return onnx.ports.inputs[0]


def _noise(port: Port) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(_NOISE_SEED).integers(0, 256, (1, *port.shape[1:]), dtype=np.uint8)


def _noise_parity(ir_path: Path, onnx_path: Path, port: Port, hint: Hint) -> ParityRecord:
    """Compare the IR with ONNX Runtime on one picture of noise.

    Raises:
        ArtifactError: They differ by more than the limit.
    """
    pixels = _noise(port)
    wanted = onnx_runner(onnx_path)(pixels).probability
    differences = np.abs(openvino_runner(ir_path, hint)(pixels).probability - wanted)
    largest, limit = float(differences.max()), _NOISE_LIMITS[hint]
    if not largest <= limit:  # nor a NaN
        raise ArtifactError(
            f"The IR run in {hint} differs from {onnx_path.name} by {largest:.2g} on noise, allowed is {limit:.2g}. "
            "Nothing was exported."
        )
    return ParityRecord(
        runtime=f"openvino-{hint}-on-noise",
        passed=True,
        pictures=1,
        figures={"max_difference": largest, "mean_difference": float(differences.mean())},
        limits={"max_difference": limit},
        data_sha256=digest_of(noise=_NOISE_SEED, shape=list(pixels.shape)),
    )
