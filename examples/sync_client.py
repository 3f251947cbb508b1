"""One photograph: its figures on the terminal, mask and overlay in a folder.

python examples/sync_client.py face.jpg --url http://localhost:8000 --out results
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wrinkle_client import DEFAULT_URL, Client, WrinkleError


def segment(photo: Path, url: str, out: Path) -> None:
    """Segment one photograph and write what came."""
    with Client(url) as client:
        result = client.segment(photo, skin_mask=True)
    saved = result.save(out, photo.stem)
    lines = [f"{photo.name}: {result.report.whole_face.wrinkled_area_fraction or 0:.1%} of the visible skin is marked"]
    for region in sorted(result.regions, key=lambda region: region.line_length_iod or 0, reverse=True)[:3]:
        lines.append(f"  {region.name}: lines of {region.line_length_iod or 0:.2f} eye distances")
    lines += [f"  warning {warning.code}: {warning.message}" for warning in result.warnings]
    steps = result.step_timings
    lines.append(f"  server: {steps.preprocess_ms} + {steps.segment_ms} + {steps.threshold_ms} ms")
    lines.append(f"  overlay: {saved.overlay}")
    sys.stdout.write("\n".join(lines) + "\n")


def main() -> int:
    """Run from the command line; 1 when the photograph could not be segmented."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--url", default=DEFAULT_URL)
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()
    try:
        segment(options.photo, options.url, options.out)
    except WrinkleError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
