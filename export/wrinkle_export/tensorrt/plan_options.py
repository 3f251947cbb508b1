"""How a plan is built: batches, workspace, compatibility."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

from wrinkle_core.errors import InvalidParameterError

__all__ = ["HARDWARE_COMPATIBILITY", "LARGEST_BATCH", "HardwareCompatibility", "PlanOptions"]

HardwareCompatibility = Literal["none", "ampere_plus", "same_compute_capability"]
HARDWARE_COMPATIBILITY: Final[tuple[HardwareCompatibility, ...]] = get_args(HardwareCompatibility)
LARGEST_BATCH: Final = 64
_WORKSPACE_MIB: Final = (16, 1 << 20)


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What one plan is built for.

    Attributes:
        min_batch: Smallest batch it takes.
        opt_batch: The batch its kernels are chosen for.
        max_batch: Largest batch it takes, at most 64: the graphs are exported for no more.
        workspace_mib: Scratch memory in MiB that a kernel may use; less rules fast kernels out.
        hardware_compatibility: ``none`` is this GPU model only, and fastest.
        version_compatible: Whether later TensorRT versions of the same major may load it.

    Raises:
        InvalidParameterError: The batches are not in order, or a value is out of range or unknown.
    """

    min_batch: int = 1
    opt_batch: int = 4
    max_batch: int = 8
    workspace_mib: int = 4096
    hardware_compatibility: HardwareCompatibility = "none"
    version_compatible: bool = False

    def __post_init__(self) -> None:
        batches = (self.min_batch, self.opt_batch, self.max_batch)
        if not 1 <= self.min_batch <= self.opt_batch <= self.max_batch <= LARGEST_BATCH:
            raise InvalidParameterError(
                f"Batches must keep 1 <= min <= opt <= max <= {LARGEST_BATCH}, got {batches[0]}, {batches[1]}, "
                f"{batches[2]}."
            )
        low, high = _WORKSPACE_MIB
        if not low <= self.workspace_mib <= high:
            raise InvalidParameterError(f"The workspace must be {low} to {high} MiB, got {self.workspace_mib}.")
        if self.hardware_compatibility not in HARDWARE_COMPATIBILITY:
            raise InvalidParameterError(
                f"Hardware compatibility is one of {', '.join(HARDWARE_COMPATIBILITY)}, "
                f"got {self.hardware_compatibility!r}."
            )

    @property
    def batches(self) -> tuple[int, int, int]:
        """Return smallest, best and largest batch."""
        return self.min_batch, self.opt_batch, self.max_batch

    @property
    def arguments(self) -> list[str]:
        """Return the command-line arguments of ``wrinkle export tensorrt`` that ask for the same."""
        numbers = ("min_batch", "opt_batch", "max_batch", "workspace_mib")
        words = [word for name in numbers for word in (f"--{name.replace('_', '-')}", str(getattr(self, name)))]
        if self.hardware_compatibility != "none":
            words += ["--hardware-compatibility", self.hardware_compatibility]
        return [*words, "--version-compatible"] if self.version_compatible else words

    def as_json(self) -> dict[str, Any]:
        """Return every option by name, for the plan's key."""
        return asdict(self)
