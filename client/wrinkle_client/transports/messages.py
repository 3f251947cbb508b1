"""One inference as every transport sees it, before anything of the answer is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.contract import Datatype
from wrinkle_core.errors import ContractError

__all__ = ["COMPRESSIONS", "Compression", "InferenceRequest", "MemoryRegion", "RawAnswer", "Tensor", "datatype_of"]

Tensor: TypeAlias = "NDArray[np.uint8] | NDArray[np.float32]"
Compression: TypeAlias = Literal["none", "gzip", "deflate"]
COMPRESSIONS: Final[tuple[Compression, ...]] = ("none", "gzip", "deflate")


@dataclass(frozen=True, slots=True)
class MemoryRegion:
    """System shared memory that the server has been told of, under /dev/shm by the same name.

    Attributes:
        name: For the server, and the key of the memory itself.
        byte_size: How much of it counts, from its beginning.
    """

    name: str
    byte_size: int


@dataclass(frozen=True, slots=True, eq=False)
class InferenceRequest:
    """What goes to one model, whatever the protocol.

    Attributes:
        model_name: Triton name of an ensemble or a segmenter.
        inputs: Input tensors by name, uint8 or float32, in their own shapes.
        outputs: Names of the outputs wanted.
        request_id: 1 to 128 letters, digits, ``. _ : -``; comes back with the answer.
        model_version: Version to run; empty leaves the choice to the server.
        parameters: Request parameters; what is left to the server is left out.
        headers: HTTP headers, or gRPC metadata, of this request beside the credentials; lower-case names.
        compression: How the request's body is compressed; answers never are.
        regions: Shared memory that holds an input, by the input's name; what is there is not sent.
    """

    model_name: str
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]
    request_id: str
    model_version: str = ""
    parameters: Mapping[str, bool | float] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    compression: Compression = "none"
    regions: Mapping[str, MemoryRegion] = field(default_factory=dict)

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name} {tensor.nbytes} bytes" for name, tensor in self.inputs.items())
        return f"InferenceRequest({self.model_name}, {inputs}, id {self.request_id})"


@dataclass(frozen=True, slots=True, eq=False)
class RawAnswer:
    """An inference answer, before anything in it is trusted.

    Attributes:
        model_version: Version of the model that answered.
        request_id: The id that came back.
        tensors: UINT8 and FP32 outputs by name, in the shapes that came.
        other_outputs: Names of outputs of another datatype.
    """

    model_version: str
    request_id: str
    tensors: Mapping[str, Tensor]
    other_outputs: tuple[str, ...] = ()


_DATATYPES: Final[dict[np.dtype[Any], Datatype]] = {np.dtype(np.uint8): "UINT8", np.dtype(np.float32): "FP32"}


def datatype_of(tensor: Tensor) -> Datatype:
    """Return Triton's name of a tensor's type.

    Raises:
        ContractError: Neither uint8 nor float32.
    """
    datatype = _DATATYPES.get(tensor.dtype)
    if datatype is None:
        raise ContractError(f"A tensor of {tensor.dtype} cannot be sent; the contract has uint8 and float32.")
    return datatype
