"""The manifest of a build folder: for every artifact its files, origin, ports, tools and parity figures.

Read by the serving install too, so it needs neither torch nor onnx.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from wrinkle_core.contract import NETWORK_CONTRACT_VERSION, ModelContract

__all__ = [
    "Artifact",
    "FileRecord",
    "Kind",
    "Manifest",
    "ParityRecord",
    "PlanTarget",
    "Port",
    "Ports",
    "Precision",
    "Source",
    "digest_of",
    "sha256_of",
]

Kind = Literal["onnx", "openvino", "tensorrt"]
Precision = Literal["fp32", "fp16", "fp16-storage", "int8"]
_CHUNK_BYTES: Final = 1 << 20

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or PurePosixPath(path).is_absolute() or ".." in parts or "\\" in path:
        raise ValueError("a file lies inside its build folder")
    return path


class FileRecord(_Record):
    """One file of an artifact.

    Attributes:
        path: Relative to the build folder, with forward slashes.
        sha256: Of its bytes.
        size_bytes: Its length.
    """

    path: Annotated[str, AfterValidator(_inside)]
    sha256: Sha256
    size_bytes: int = Field(ge=0)


class Port(_Record):
    """One tensor at the network's border; -1 is the batch."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class Ports(_Record):
    """The input and output contract an artifact was made for.

    Attributes:
        contract_version: ``NETWORK_CONTRACT_VERSION`` of ``wrinkle_core.contract`` at the export.
        inputs: Of the graph.
        outputs: Of the graph.
    """

    contract_version: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    @classmethod
    def of_network(cls, channels: int, input_px: int) -> Ports:
        """Return the ports every deployable network has, for so many channels and such a side."""
        return cls(
            contract_version=NETWORK_CONTRACT_VERSION,
            inputs=(Port(name="INPUT", datatype="UINT8", shape=(-1, channels, input_px, input_px)),),
            outputs=(Port(name="PROBABILITY", datatype="UINT8", shape=(-1, input_px, input_px)),),
        )

    @classmethod
    def of_model(cls, contract: ModelContract) -> Ports:
        """Return the ports that a served segmenter must have."""

        def ports(tensors: Any) -> tuple[Port, ...]:
            return tuple(Port(name=t.name, datatype=t.datatype, shape=(-1, *t.dims)) for t in tensors)

        return cls(
            contract_version=NETWORK_CONTRACT_VERSION, inputs=ports(contract.inputs), outputs=ports(contract.outputs)
        )


class Source(_Record):
    """Where an artifact's weights come from.

    Attributes:
        network: What the build folder calls the network, such as ``unetpp``.
        checkpoint_sha256: Of the safetensors file; None for random weights.
        random_seed: Of random weights; None for a checkpoint.
        recipe: The whole recipe.
        segmenter: The served segmenter it can stand in for; None when it fits none.
        onnx_sha256: Of the ONNX file an OpenVINO or TensorRT artifact was made from.
    """

    network: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")
    checkpoint_sha256: Sha256 | None
    random_seed: int | None
    recipe: dict[str, Any]
    segmenter: str | None
    onnx_sha256: Sha256 | None = None


class PlanTarget(_Record):
    """What a TensorRT plan is valid for, and nothing else.

    Attributes:
        tensorrt_version: Full version of the builder.
        compute_capability: Such as ``8.9``.
        gpu_name: As the driver names it.
        min_batch: Smallest batch of the optimisation profile.
        opt_batch: The batch its kernels were chosen for.
        max_batch: Largest batch.
        hardware_compatibility: ``none`` or the builder's level, such as ``ampere_plus``.
        version_compatible: Whether other TensorRT versions of the same major can load it.
    """

    tensorrt_version: str
    compute_capability: str = Field(pattern=r"^\d+\.\d+$")
    gpu_name: str
    min_batch: int = Field(ge=1)
    opt_batch: int = Field(ge=1)
    max_batch: int = Field(ge=1)
    hardware_compatibility: str = "none"
    version_compatible: bool = False


class ParityRecord(_Record):
    """What the parity gate found for one way of running an artifact, against PyTorch in FP32.

    Attributes:
        runtime: Such as ``onnxruntime`` or ``openvino-bf16``.
        passed: Whether every limit was kept.
        pictures: Number of pictures compared.
        figures: By name: differences, mask IoU, F1 change.
        limits: The limits they were held against, by the same names.
        data_sha256: Of the pictures and labels.
    """

    runtime: str
    passed: bool
    pictures: int = Field(ge=1)
    figures: dict[str, float]
    limits: dict[str, float]
    data_sha256: Sha256


class Artifact(_Record):
    """One exported form of one network.

    Attributes:
        name: ``NETWORK/FORM``, such as ``unetpp/onnx-fp16``.
        kind: What loads it.
        precision: Of the arithmetic; ``fp16-storage`` stores weights in FP16 and computes in FP32.
        files: The first is the one a runtime opens.
        key: Digest of everything it was made from; the same key means nothing to do.
        source: Where its weights come from.
        ports: Its input and output contract.
        opset: ONNX operator set; None when it is no ONNX graph.
        tools: Versions of what made it.
        plan: What a TensorRT plan is valid for.
        parity: Found by ``wrinkle export verify``, and by the export itself.
    """

    name: str = Field(pattern="^[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9._-]*$")
    kind: Kind
    precision: Precision
    files: tuple[FileRecord, ...] = Field(min_length=1)
    key: Sha256
    source: Source
    ports: Ports
    opset: int | None = None
    tools: dict[str, str]
    plan: PlanTarget | None = None
    parity: tuple[ParityRecord, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Return the size of all files."""
        return sum(file.size_bytes for file in self.files)


class Manifest(_Record):
    """Everything in a build folder, by artifact name."""

    format: Literal[1] = 1
    artifacts: dict[str, Artifact] = {}

    def with_artifact(self, artifact: Artifact) -> Manifest:
        """Return a manifest in which ``artifact`` replaces the one of the same name."""
        return Manifest(artifacts=dict(sorted({**self.artifacts, artifact.name: artifact}.items())))


def digest_of(**parts: Any) -> str:
    """Return the SHA-256 of ``parts``, whatever order they are given in; values must be JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
