"""Asking a live server with an id and parameters, telling its steps of queues, reading what they counted and logged."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

from wrinkle_server.steps.pressure import MAX_AGE_S, PressureBoard
from wrinkle_server.triton.model_server import ModelServer


def infer(
    server: ModelServer,
    photo: bytes,
    *,
    request_id: str = "",
    parameters: Mapping[str, Any] | None = None,
    model: str = "wrinkle_unetpp",
) -> tuple[int, str]:
    """Return HTTP status and, of a failure, the text."""
    tensor = {
        "name": "IMAGE",
        "shape": [len(photo)],
        "datatype": "UINT8",
        "parameters": {"binary_data_size": len(photo)},
    }
    header = json.dumps({"id": request_id, "parameters": dict(parameters or {}), "inputs": [tensor]}).encode()
    options = server.options
    with closing(http.client.HTTPConnection(options.host, options.http_port, timeout=60.0)) as connection:
        connection.request(
            "POST",
            f"/v2/models/{model}/infer",
            body=header + photo,
            headers={"Inference-Header-Content-Length": str(len(header))},
        )
        answer = connection.getresponse()
        body = answer.read()
    return answer.status, "" if answer.status == http.client.OK else json.loads(body)["error"]


@contextmanager
def published(server: ModelServer, **pending: int) -> Iterator[None]:
    """Tell the steps inside the block, as a supervisor would, how many requests wait at which model."""
    board, done = PressureBoard(server.run_folder), Event()

    def tell() -> None:
        while not done.wait(0.05):
            board.publish(pending)

    board.publish(pending)
    teller = Thread(target=tell)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
        time.sleep(MAX_AGE_S)


def counters(server: ModelServer) -> dict[str, float]:
    """Return the steps' own counters by ``name{labels}``."""
    lines = (line for line in server.admin.metrics().splitlines() if line.startswith("wrinkle_"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def step_log_lines(log_path: Path) -> list[dict[str, Any]]:
    """Return what the steps logged, each line read back from Triton's own quoting."""
    lines = log_path.read_text(encoding="utf-8", errors="strict").splitlines()
    quoted = (line.partition("] ")[2] for line in lines if "request_log.py:" in line)
    return [json.loads(json.loads(each)) for each in quoted]
