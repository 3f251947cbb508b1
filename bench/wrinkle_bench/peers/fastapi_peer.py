"""The service of ``fastapi_app.py`` under uvicorn, and a caller of it."""

from __future__ import annotations

import base64
import http.client
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_bench.peers import CHECKPOINT_VARIABLE
from wrinkle_bench.peers.peer import PeerAnswer
from wrinkle_core.errors import ServerFaultError, ServerStartError
from wrinkle_server.triton.child_process import ChildProcess
from wrinkle_server.triton.ports import free_ports

__all__ = ["FastApiPeer", "fastapi_service"]

_HOST: Final = "127.0.0.1"
_TIMEOUT_S: Final = 900.0
_START_LIMIT_S: Final = 120.0
_STOP_LIMIT_S: Final = 10.0
_POLL_S: Final = 0.2
_BOUNDARY: Final = "wrinkle-bench-boundary"
_HEAD: Final = (
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="photo.jpg"\r\n'
    "Content-Type: image/jpeg\r\n\r\n"
).encode()
_TAIL: Final = f"\r\n--{_BOUNDARY}--\r\n".encode()


@dataclass(frozen=True, slots=True)
class FastApiPeer:
    """A running service."""

    port: int

    def infer(self, photo: bytes, *, probability: bool = False) -> PeerAnswer:
        """Segment one encoded photograph."""
        with closing(http.client.HTTPConnection(_HOST, self.port, timeout=_TIMEOUT_S)) as connection:
            connection.request(
                "POST",
                f"/segment?probability={str(probability).lower()}",
                body=_HEAD + photo + _TAIL,
                headers={"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"},
            )
            response = connection.getresponse()
            body = response.read()
        if response.status != http.client.OK:
            raise ServerFaultError(f"The FastAPI service answered with HTTP {response.status}.")
        document = json.loads(body)
        found = _picture(document["probability_png"]) if probability else None
        return PeerAnswer(
            (_picture(document["mask_png"]) > 0).astype(np.uint8),
            None if found is None else found.astype(np.float32) / np.float32(255.0),
        )


@contextmanager
def fastapi_service(checkpoint: Path) -> Iterator[FastApiPeer]:
    """Run the service on a free port for as long as the block runs.

    Raises:
        ServerStartError: It ended, or did not answer in time.
    """
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "uvicorn", "wrinkle_bench.peers.fastapi_app:app", "--host", _HOST]
    command += ["--port", str(port), "--log-level", "warning"]
    process = ChildProcess("The FastAPI service")
    process.start(command, os.environ | {CHECKPOINT_VARIABLE: str(checkpoint)}, tempfile.TemporaryFile)
    try:
        _wait(process, port)
        yield FastApiPeer(port)
    finally:
        process.ask_to_end()
        if not process.gone.wait(_STOP_LIMIT_S):
            process.kill()
            process.gone.wait()


def _wait(process: ChildProcess, port: int) -> None:
    deadline_s = time.monotonic() + _START_LIMIT_S
    while not process.gone.is_set() and time.monotonic() < deadline_s:
        with closing(http.client.HTTPConnection(_HOST, port, timeout=_POLL_S)) as connection:
            try:
                connection.request("GET", "/openapi.json")
                if connection.getresponse().status == http.client.OK:
                    return
            except (OSError, http.client.HTTPException):
                time.sleep(_POLL_S)
    raise ServerStartError("The FastAPI service did not start; run it by hand to see why.")


def _picture(text: str) -> NDArray[np.uint8]:
    encoded = np.frombuffer(base64.b64decode(text), np.uint8)
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)
