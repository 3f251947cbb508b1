"""The example programs run, as a reader would run them."""

from __future__ import annotations

import csv
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from wrinkle_client import NoFaceError, OverloadedError
from wrinkle_client.testing import FakeServer, make_result

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


@pytest.fixture
def face() -> bytes:
    return make_result().photo or b""


def run(program: str, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / program), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_sync_client_prints_figures_and_writes_pictures(server: FakeServer, face: bytes, tmp_path: Path) -> None:
    (tmp_path / "face.png").write_bytes(face)
    done = run("sync_client.py", "face.png", "--url", server.http_url, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("face.png: 4.1% of the visible skin is marked")
    assert {path.name for path in (tmp_path / "results").iterdir()} == {
        "face-mask.png",
        "face-overlay.png",
        "face-skin-mask.png",
        "face.json",
    }


def test_sync_client_tells_why_there_is_no_result(server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "face.png").write_bytes(b"no picture")
    done = run("sync_client.py", "face.png", "--url", server.http_url, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("INVALID_IMAGE: ")


def test_async_client_asks_both_models(server: FakeServer, face: bytes, tmp_path: Path) -> None:
    (tmp_path / "face.png").write_bytes(face)
    done = run("async_client.py", "face.png", "--url", server.grpc_url, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["unetpp 1", "unet_texture 1"]
    assert {call.model_name for call in server.received} == {"wrinkle_unetpp", "wrinkle_unet_texture"}


def test_batch_writes_a_row_per_photograph_and_names_the_bad_ones(
    server: FakeServer, face: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "photographs" / "visit"
    folder.mkdir(parents=True)
    for name in ("b.png", "a.PNG", "notes.txt"):
        (folder / name).write_bytes(face)
    (folder / "bad.jpg").write_bytes(b"no picture")
    done = run("batch.py", "photographs", "--url", server.http_url, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("visit/bad.jpg: ")
    with (tmp_path / "figures.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["photograph"] for row in rows] == ["visit/a.PNG", "visit/b.png"]
    assert float(rows[0]["whole_face.wrinkled_area_fraction"]) == pytest.approx(0.04068)


@pytest.fixture
def web(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("WRINKLE_URL", server.grpc_url)
    app: FastAPI = runpy.run_path(str(EXAMPLES / "fastapi_app.py"))["app"]
    with TestClient(app) as client:
        yield client


def post(web: TestClient, photo: bytes) -> Any:
    return web.post("/figures", files={"photo": ("face.png", photo, "image/png")})


def test_fastapi_app_answers_figures(web: TestClient, face: bytes) -> None:
    answer = post(web, face)
    assert answer.status_code == 200
    assert answer.json()["report"]["whole_face"]["wrinkled_area_fraction"] == pytest.approx(0.04068)


def test_fastapi_app_turns_typed_errors_into_statuses(web: TestClient, server: FakeServer, face: bytes) -> None:
    bad = post(web, b"no picture")
    assert (bad.status_code, bad.json()["code"]) == (422, "INVALID_IMAGE")
    server.fail_next(NoFaceError("No face was found."))
    nobody = post(web, face)
    assert (nobody.status_code, nobody.json()) == (422, {"code": "NO_FACE", "message": "No face was found."})
    server.fail_next(OverloadedError("Busy."), times=10)
    busy = post(web, face)
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "1")


def test_fastapi_app_refuses_an_upload_over_its_limit(web: TestClient, server: FakeServer) -> None:
    large = post(web, bytes(11 * 2**20))
    assert (large.status_code, large.json()["code"]) == (413, "IMAGE_TOO_LARGE")
    assert server.received == ()
