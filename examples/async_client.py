"""One photograph through both models at the same time, on an event loop.

python examples/async_client.py face.jpg --url grpc://localhost:8001
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from wrinkle_client import AsyncClient, SegmentationResult

MODELS = ("unetpp", "unet_texture")


async def compare(photo: Path, url: str) -> list[SegmentationResult]:
    """Return the answers of both models, asked for at once."""
    async with AsyncClient(url) as client:
        await client.wait_ready(60)
        return await asyncio.gather(*(client.segment(photo, model=model) for model in MODELS))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--url", default="grpc://localhost:8001")
    options = parser.parse_args()
    for result in asyncio.run(compare(options.photo, options.url)):
        share = result.report.whole_face.wrinkled_area_fraction or 0
        sys.stdout.write(f"{result.model} {result.model_version}: {share:.1%}, {result.timings.total_s:.2f} s\n")


if __name__ == "__main__":
    main()
