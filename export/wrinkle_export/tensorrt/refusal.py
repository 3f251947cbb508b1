"""Why TensorRT will not take a graph, node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from wrinkle_core.errors import ArtifactError

__all__ = ["GraphRefusedError", "Refusal", "Stage"]

Stage = Literal["onnx", "contract", "parser", "builder"]
_SHOWN: Final = 3


class Refusal(BaseModel):
    """One reason.

    Attributes:
        stage: Who refuses: ONNX's own type rules, the tensor contract, TensorRT's parser or its builder.
        node: Name of the node; empty when the graph as a whole is at fault.
        op_type: ONNX operator of the node; empty likewise.
        reason: What is wrong.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: Stage
    node: str
    op_type: str
    reason: str

    def __str__(self) -> str:
        where = f"node {self.node!r} ({self.op_type}): " if self.node else ""
        return f"{where}{self.reason}"


class GraphRefusedError(ArtifactError):
    """TensorRT does not take a graph.

    Attributes:
        refusals: At least one reason.
    """

    def __init__(self, graph: str, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        shown = "; ".join(str(refusal) for refusal in self.refusals[:_SHOWN])
        more = len(self.refusals) - _SHOWN
        super().__init__(f"{graph} is refused: {shown}{f'; and {more} more' if more > 0 else ''}")
