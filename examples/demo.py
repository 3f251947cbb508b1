"""Two public-domain photographs through both ensembles of a real Triton server, over gRPC.

Runs what a user would run: ``wrinkle serve`` in one process, ``wrinkle segment`` in another.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import skimage
from matplotlib.cbook import get_sample_data

from wrinkle_client import Client

WRINKLE = str(Path(sys.executable).with_name("wrinkle"))
READY_WITHIN_S = 180.0
STOPPED_WITHIN_S = 60.0


def sample_photos(folder: Path) -> list[Path]:
    """Copy the two photographs that ship with matplotlib and scikit-image into ``folder``."""
    sources = {
        "grace_hopper.jpg": Path(get_sample_data("grace_hopper.jpg", asfileobj=False)),
        "astronaut.png": Path(skimage.__file__).parent / "data" / "astronaut.png",
    }
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copyfile(source, folder / name)) for name, source in sources.items()]


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


@contextmanager
def serving(log: Path) -> Iterator[str]:
    """Run ``wrinkle serve`` on free ports and yield its gRPC URL once both models answer."""
    http, grpc, metrics = free_ports(3)
    ports = ["--http-port", str(http), "--grpc-port", str(grpc), "--metrics-port", str(metrics)]
    command = [WRINKLE, "serve", *ports, "--log-file", str(log)]
    with subprocess.Popen(command) as server:
        try:
            with Client(f"grpc://127.0.0.1:{grpc}") as client:
                client.wait_ready(READY_WITHIN_S)
            yield f"grpc://127.0.0.1:{grpc}"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(STOPPED_WITHIN_S)


def main() -> None:
    """Segment both photographs with both models and say where the pictures are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("demo-output"), help="folder for pictures, masks and JSON")
    out: Path = parser.parse_args().out
    with tempfile.TemporaryDirectory() as scratch, serving(Path(scratch, "triton.log")) as url:
        photos = sample_photos(out / "photos")
        for model in ("unetpp", "unet_texture"):
            segment = [WRINKLE, "segment", *map(str, photos)]
            subprocess.run([*segment, "--model", model, "--url", url, "--out", str(out / model)], check=True)
    sys.stdout.write(f"\nOverlays, masks and JSON are in {out}/unetpp and {out}/unet_texture.\n")


if __name__ == "__main__":
    main()
