"""A folder of photographs into a table: one row per photograph, one that fails does not stop the others.

python examples/batch.py photographs --url http://localhost:8000 --table figures.csv

`wrinkle segment` does this from the shell and can be resumed; here is how a program does it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas

from wrinkle_client import DEFAULT_URL, Client

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


def figures_of(folder: Path, url: str) -> tuple[pandas.DataFrame, list[str]]:
    """Return a row per photograph of a folder, and what could not be segmented."""
    photos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    rows, failures = {}, []
    with Client(url) as client:
        for outcome in client.segment_many(photos, concurrency=8, ordered=False):
            name = str(photos[outcome.index].relative_to(folder))
            if outcome.result is not None:
                rows[name] = outcome.result.to_series()
            else:
                failures.append(f"{name}: {outcome.error}")
    return pandas.DataFrame.from_dict(rows, orient="index").sort_index(), sorted(failures)


def main() -> int:
    """Run from the command line; 1 when a photograph could not be segmented."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", default=DEFAULT_URL)
    parser.add_argument("--table", type=Path, default=Path("figures.csv"))
    options = parser.parse_args()
    table, failures = figures_of(options.folder, options.url)
    table.to_csv(options.table, index_label="photograph")
    sys.stdout.write(f"{len(table)} photographs in {options.table}\n")
    for failure in failures:
        sys.stderr.write(f"{failure}\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
