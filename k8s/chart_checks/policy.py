"""Run checkov over everything that the chart renders: ``python -m chart_checks.policy CHECKOV``.

Checkov brings a hundred packages, so it lives in an environment of its own, and its binary is told on the command line.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import yaml

from chart_checks.matrix import MATRIX, rendered

__all__ = ["main"]

_CONFIG: Final = Path(__file__).with_name("checkov.yaml")
_LIMIT_S: Final = 300.0


def main(checkov: Path) -> int:
    """Return checkov's exit code: 0 when every check passes for every entry of the matrix."""
    with tempfile.TemporaryDirectory(prefix="wrinkle-policy-") as folder:
        for name in MATRIX:
            Path(folder, f"{name}.yaml").write_text(yaml.safe_dump_all(rendered(name)), encoding="utf-8")
        command = [str(checkov), "--directory", folder, "--config-file", str(_CONFIG)]
        return subprocess.run(command, timeout=_LIMIT_S, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
