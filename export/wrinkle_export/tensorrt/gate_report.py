"""What the CPU gate found out about one ONNX file, as a record and as a table."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from rich.table import Table

from wrinkle_export.artifacts.manifest import Sha256
from wrinkle_export.tensorrt.refusal import Refusal

__all__ = ["GateReport", "gate_table"]


class GateReport(BaseModel):
    """One graph at the gate.

    Attributes:
        graph: What the file is called.
        sha256: Of its bytes.
        builder: What parsed and built it; its plans run on RTX GPUs only and are not for Triton.
        operators: Number of nodes per ONNX operator.
        refusals: Reasons against it; empty when it was parsed and built.
        build_s: Seconds that parsing and building took.
        plan_bytes: Size of the plan, which is thrown away; 0 when there is none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    graph: str
    sha256: Sha256
    builder: str
    operators: dict[str, int]
    refusals: tuple[Refusal, ...]
    build_s: float = Field(ge=0)
    plan_bytes: int = Field(ge=0)

    @property
    def accepted(self) -> bool:
        """Return whether nothing is held against the graph."""
        return not self.refusals

    @property
    def nodes(self) -> int:
        """Return the number of nodes."""
        return sum(self.operators.values())


def gate_table(report: GateReport) -> Table:
    """Return one line per operator, then one per refusal."""
    verdict = "accepted" if report.accepted else "REFUSED"
    table = Table(title=f"{report.graph}: {verdict} by {report.builder}", title_justify="left")
    table.add_column("operator")
    table.add_column("nodes", justify="right")
    table.add_column("refused node")
    table.add_column("reason", overflow="fold")
    refused = {refusal.op_type for refusal in report.refusals}
    for operator, count in sorted(report.operators.items()):
        if operator not in refused:
            table.add_row(operator, str(count), "", "")
    for refusal in report.refusals:
        nodes = str(report.operators.get(refusal.op_type, ""))
        table.add_row(refusal.op_type, nodes, refusal.node, f"{refusal.stage}: {refusal.reason}")
    return table
