"""The ``trtexec`` command line that builds the same plan.

Such a plan is compared with nothing and stands in no manifest. Source: trtexec's own ``--help``, versions 10 and 11;
11 takes ``--stronglyTyped`` and ignores it.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from wrinkle_export.tensorrt.plan_options import PlanOptions

__all__ = ["trtexec_line"]

_LEVELS: Final = {"ampere_plus": "ampere+", "same_compute_capability": "sameComputeCapability"}


def trtexec_line(
    onnx_file: Path, shape: tuple[int, int, int], options: PlanOptions, timing_file: Path | None = None
) -> str:
    """Return one shell line.

    Args:
        onnx_file: What to build from.
        shape: Channels, height and width of ``INPUT``.
        options: Batches, workspace, compatibility.
        timing_file: Timing cache to start from and to add to.
    """
    words = ["trtexec", f"--onnx={onnx_file}", "--saveEngine=model.plan", "--stronglyTyped", "--noTF32"]
    for name, batch in zip(("min", "opt", "max"), options.batches, strict=True):
        words.append(f"--{name}Shapes=INPUT:{'x'.join(map(str, (batch, *shape)))}")
    words.append(f"--memPoolSize=workspace:{options.workspace_mib}")
    if options.hardware_compatibility != "none":
        words.append(f"--hardwareCompatibilityLevel={_LEVELS[options.hardware_compatibility]}")
    if options.version_compatible:
        words.append("--versionCompatible")
    if timing_file is not None:
        words.append(f"--timingCacheFile={timing_file}")
    return shlex.join([*words, "--skipInference"])
