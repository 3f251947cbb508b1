"""The images, built here: the chart's pod of profile ``cpu`` under podman answers, heals and drains; batch jobs ask it.

What podman is not given, and who does it instead, is listed by ``LocalPod.substitutions``. The tests run in this order:
the last but one stops the pod, the last one starts another.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from chart_checks.tools import ROOT
from figures import Figures
from image_check.batch_pod import run_batch_pod
from image_check.build import CLIENT, SERVER, build_image, size_bytes
from image_check.engine import PROGRAMS, ContainerEngine
from image_check.node import kill_step, stub_processes
from image_check.pod import local_pod
from k8s_callers import Callers
from running_pod import RunningPod, started
from supervised_server import wait_until
from wrinkle_client import NO_RETRIES, Client, RetryPolicy, UnauthorizedError
from wrinkle_core.contract import SEGMENTERS, SegmenterContract
from wrinkle_core.errors import WrinkleError
from wrinkle_core.inference import OnnxSegmenter
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.pipeline import segment_bytes
from wrinkle_export.repository.choice import bundled_network
from wrinkle_server.gateway.tokens import new_token

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,  # builds an image of 1 GB
    pytest.mark.timeout(3600),
    *(pytest.mark.needs(program) for program in PROGRAMS),
]

SCHEMES = ("https", "grpcs")
SAME_PIXELS = 0.998  # the server may compute in bf16
HEALED_S = 60.0
WEIGHTS = ROOT / "checkpoints"
BATCH = ROOT / "k8s" / "batch"
NOBODY = 10001


@pytest.fixture(scope="module")
def image() -> str:
    return build_image(ContainerEngine(), SERVER)


@pytest.fixture(scope="module")
def client_image() -> str:
    return build_image(ContainerEngine(), CLIENT)


@pytest.fixture(scope="module")
def running(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPod]:
    with started(local_pod(image), tmp_path_factory.mktemp("authority")) as pod:
        yield pod


@pytest.mark.parametrize("spec", SEGMENTERS, ids=lambda spec: spec.name)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_real_segmentation_through_the_gateway(
    scheme: str,
    spec: SegmenterContract,
    running: RunningPod,
    face_landmarker: FaceLandmarker,
    grace_hopper_jpeg: bytes,
    figures: Figures,
) -> None:
    segmenter = OnnxSegmenter(bundled_network(spec.name))
    mask_png = segment_bytes(grace_hopper_jpeg, spec, face_landmarker, segmenter).mask_png
    here = cv2.imdecode(np.frombuffer(mask_png, np.uint8), cv2.IMREAD_GRAYSCALE) > 0
    with running.client(scheme) as client:
        mask = client.segment(grace_hopper_jpeg, model=spec.name).mask > 0
    same = float((mask == here).mean())
    figures(same_pixels=round(same, 5), wrinkled=int(mask.sum()))
    assert mask.any()
    assert same >= SAME_PIXELS


@pytest.mark.parametrize("scheme", SCHEMES)
def test_stranger_gets_nothing(scheme: str, running: RunningPod, grace_hopper_jpeg: bytes) -> None:
    stranger = new_token("stranger").token
    with Client(running.url(scheme), token=stranger, ca_file=running.authority) as client:
        with pytest.raises(UnauthorizedError):
            client.segment(grace_hopper_jpeg)


def test_only_gateway_and_monitoring_can_be_reached(running: RunningPod) -> None:
    open_ports = set()
    for port in (8000, 8001, 8002, 8003, 8443):
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection((running.node.address, port), 5):
            open_ports.add(port)
    assert open_ports == {8002, 8003, 8443}


def test_image_and_pod_are_as_small_as_they_say(running: RunningPod, figures: Figures) -> None:
    """Its memory stays below the limit that the chart sets, and a container cannot write where it must not."""
    limits_mib = {
        name: int(running.pod.container(name)["resources"]["limits"]["memory"].removesuffix("Mi"))
        for name in ("server", "gateway")
    }
    memory_mib = {name: [round(each / 2**20) for each in running.node.memory_bytes(name)] for name in limits_mib}
    figures(
        image_mb=round(size_bytes(running.engine, SERVER) / 1e6),
        start_s=round(running.start_s, 1),
        memory_now_and_peak_mib=memory_mib,
        limits_mib=limits_mib,
        substitutions=running.pod.substitutions,
    )
    assert all(memory_mib[name][1] < limit for name, limit in limits_mib.items())
    for name in limits_mib:
        assert running.node.user_ids(name) == {running.pod.template["spec"]["securityContext"]["runAsUser"]}
        assert running.node.read_only(name)


def writable(folder: Path) -> Path:
    """Make a folder that the images' user may write to."""
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    return folder


def test_batch_job_of_the_client_image_segments_its_shards_and_goes_on_where_it_ended(
    running: RunningPod, client_image: str, grace_hopper_jpeg: bytes, tmp_path: Path, figures: Figures
) -> None:
    volumes = {name: tmp_path / name for name in ("photographs", "token", "ca")}
    for folder in volumes.values():
        folder.mkdir()
    for number in range(3):
        (volumes["photographs"] / f"{number}.jpg").write_bytes(grace_hopper_jpeg)
    token = volumes["token"] / "token"
    token.write_text(running.token, encoding="utf-8")
    os.chown(token, 0, NOBODY)
    token.chmod(0o440)
    (volumes["ca"] / "ca.crt").write_bytes(running.authority.read_bytes())
    volumes["results"] = out = writable(tmp_path / "results")
    instead = {
        "--url=https://wrinkle-serving:443": f"--url={running.url('https')}",
        "--shard-count=16": "--shard-count=2",
    }

    def run(shard: int) -> float:
        began_s = time.monotonic()
        run_batch_pod(
            running.engine,
            BATCH / "segment-job.yaml",
            client_image,
            shard,
            volumes,
            instead=instead,
            network=running.node.network,
        )
        return time.monotonic() - began_s

    took_s = [run(shard) for shard in range(2)]
    masks = {path.name: (path, path.stat().st_mtime_ns) for path in out.glob("shard-*/*-mask.png")}
    lists = [path.read_text(encoding="utf-8").splitlines() for path in sorted(out.glob("shard-*/manifest.jsonl"))]
    assert sorted(masks) == ["0-mask.png", "1-mask.png", "2-mask.png"]
    assert len({path.read_bytes() for path, _ in masks.values()}) == 1
    assert all(json.loads(line)["status"] == "done" for lines in lists for line in lines)
    again_s = [run(shard) for shard in range(2)]
    assert {path.name: (path, path.stat().st_mtime_ns) for path, _ in masks.values()} == masks
    assert "wrinkle" in running.engine.podman("run", "--rm", "--read-only", client_image, "--version")
    figures(
        client_image_mb=round(size_bytes(running.engine, CLIENT) / 1e6),
        took_s=[round(each, 1) for each in took_s],
        again_s=[round(each, 1) for each in again_s],
    )


def test_batch_job_makes_weak_labels_with_the_server_image(
    image: str, grace_hopper_jpeg: bytes, tmp_path: Path
) -> None:
    """It needs no image with the training packages: those of the server suffice, and no network at all."""
    pictures = tmp_path / "pictures" / "03000"
    pictures.mkdir(parents=True)
    photo = cv2.imdecode(np.frombuffer(grace_hopper_jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert cv2.imwrite(str(pictures / "03007.png"), cv2.resize(photo[:512], (1024, 1024)))
    volumes = {"pictures": pictures.parent, "labels": writable(tmp_path / "labels")}
    run_batch_pod(ContainerEngine(), BATCH / "weak-labels-job.yaml", image, 3, volumes)
    label = cv2.imread(str(volumes["labels"] / "03000" / "03007.png"), cv2.IMREAD_UNCHANGED)
    assert label.shape == (1024, 1024)
    assert label.any()


@pytest.mark.parametrize("step", ["skin_mask", "unetpp", "threshold"])
def test_killed_step_costs_patient_callers_nothing(
    step: str, running: RunningPod, grace_hopper_jpeg: bytes, figures: Figures
) -> None:
    server = running.pod.container("server")
    processes = running.node.processes("server")
    urls = tuple(running.url(scheme) for scheme in SCHEMES)
    with Callers(
        urls, grace_hopper_jpeg, RetryPolicy(recovery_s=HEALED_S), running.token, running.authority
    ) as callers:
        wait_until(lambda: callers.answered >= 2, HEALED_S)
        before = stub_processes(processes, step)
        kill_step(processes, step)
        wait_until(lambda: not running.node.answers(server, "readinessProbe"), 10)
        healed_s = wait_until(lambda: running.node.answers(server, "readinessProbe"), HEALED_S)
        answered = callers.answered
        wait_until(lambda: callers.answered >= answered + 2, HEALED_S)
    figures(healed_s=round(healed_s, 1), outcomes=dict(callers.outcomes))
    assert callers.untyped == []
    assert set(callers.outcomes) == {"answered"}
    assert len(callers.masks) == 1
    assert not set(before) <= set(stub_processes(running.node.processes("server"), step))


def test_killed_server_container_starts_clean(running: RunningPod, grace_hopper_jpeg: bytes, figures: Figures) -> None:
    """SIGKILL leaves files in the volumes, which outlive the container; its next run has the same process id."""
    before = running.node.left_in("shared-memory")
    running.node.kill("server")
    again_s = running.node.wait_ready()
    figures(again_s=round(again_s, 1))
    with running.client("https") as client:
        assert client.segment(grace_hopper_jpeg, timeout_s=60.0).mask.any()
    after = running.node.left_in("shared-memory")
    assert before
    assert after
    assert set(before).isdisjoint(after)


def test_it_drains_on_stop(running: RunningPod, grace_hopper_jpeg: bytes, figures: Figures) -> None:
    """Who asked before the gateway was told to go is answered, whoever comes later is told in a typed way."""

    def ask_until_refused(scheme: str) -> list[tuple[float, str]]:
        calls: list[tuple[float, str]] = []
        with running.client(scheme, NO_RETRIES) as client:
            while not calls or calls[-1][1] == "answered":
                asked_s = time.monotonic() - began_s
                try:
                    client.segment(grace_hopper_jpeg, timeout_s=30.0)
                    calls.append((asked_s, "answered"))
                except WrinkleError as error:
                    calls.append((asked_s, error.code))
        return calls

    told_s = running.pod.container("gateway")["lifecycle"]["preStop"]["sleep"]["seconds"]
    began_s = time.monotonic()
    with ThreadPoolExecutor(3) as threads:
        callers = [threads.submit(ask_until_refused, scheme) for scheme in SCHEMES]
        ended_s = threads.submit(running.node.stop).result()
        calls = [caller.result() for caller in callers]
    last = [each[-1] for each in calls]
    figures(
        ended_s={name: round(seconds, 1) for name, seconds in ended_s.items()},
        answered=[len(each) - 1 for each in calls],
        refused=[(round(asked_s, 1), code) for asked_s, code in last],
    )
    assert {code for _, code in last} <= {"SERVER_UNREACHABLE"}
    assert min(asked_s for asked_s, _ in last) >= told_s
    assert [running.node.exit_code(name) for name in ("server", "gateway")] == [0, 0]
    assert running.node.left_in("shared-memory") == []


def test_init_container_checks_networks_from_a_volume(
    image: str, grace_hopper_jpeg: bytes, tmp_path: Path, figures: Figures
) -> None:
    """The same pod with weights from a claim instead of the image's own, pinned by the manifest's checksum."""
    digest = hashlib.sha256((WEIGHTS / "manifest.json").read_bytes()).hexdigest()
    artefact = {"source": "pvc", "pvc": {"claimName": "weights"}, "manifestSha256": digest}
    pod = local_pod(image, {"artefact": artefact})
    assert [each["name"] for each in pod.documents[-1]["spec"]["initContainers"]] == ["check-artefact"]
    with started(pod, tmp_path, {"weights": WEIGHTS}) as other:
        figures(start_s=round(other.start_s, 1))
        with other.client("https") as client:
            assert client.segment(grace_hopper_jpeg, timeout_s=60.0).mask.any()
        assert "/artefact/manifest.json: OK" in other.node.log("check-artefact")
