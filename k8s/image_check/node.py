"""What a node does around a pod: volumes, an address, probes, an orderly stop. Here podman and this module do it."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import yaml

from image_check.engine import ContainerEngine, EngineError
from image_check.pod import LocalPod

__all__ = ["LocalNode", "kill_step", "stub_processes"]

_NETWORK: Final = "wrinkle-check"
_SUBNET: Final = "10.89.77.0/24"
_RESTART_S: Final = 30.0
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_CGROUPS: Final = Path("/sys/fs/cgroup")

Files = Mapping[str, Mapping[str, bytes]]


class LocalNode:
    """Runs one pod as long as a ``with`` lasts.

    Attributes:
        address: Of the pod, reachable from this machine.
        network: Of podman; other containers in it reach the pod too.
    """

    address: Final = "10.89.77.2"
    network: Final = _NETWORK

    def __init__(
        self, engine: ContainerEngine, pod: LocalPod, secrets: Files, claims: Mapping[str, Path] | None = None
    ) -> None:
        """Prepare.

        Args:
            engine: Has the pod's image.
            pod: What runs.
            secrets: By the Secret's name, the content of its keys.
            claims: By a volume claim's name, the folder whose content it holds.
        """
        self._engine = engine
        self._pod = pod
        self._secrets = secrets
        self._claims = claims or {}

    def __enter__(self) -> LocalNode:
        self._remove()
        try:
            self._engine.podman("network", "create", "--subnet", _SUBNET, _NETWORK)
            self._make_volumes()
            documents = yaml.safe_dump_all(self._pod.documents)
            self._engine.podman("play", "kube", "--network", _NETWORK, "--ip", self.address, "-", given=documents)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def wait_ready(self) -> float:
        """Ask as the rendered probes say until every container is ready; return seconds since the last one's start.

        Raises:
            EngineError: A container ended, or the startup probe's patience is used up.
        """
        began_s = max(self._started_s(container["name"]) for container in self._containers)
        for container in self._containers:
            probe = container["startupProbe"]
            deadline_s = began_s + probe["periodSeconds"] * probe["failureThreshold"]
            while not self.answers(container, "startupProbe"):
                if not self.runs(container["name"]):
                    raise EngineError(f"{container['name']} ended: {self.log(container['name'])[-2000:]}")
                if time.time() > deadline_s:
                    raise EngineError(f"{container['name']} is not up; a node would kill it now.")
                time.sleep(0.1)
        return time.time() - began_s

    def answers(self, container: Mapping[str, Any], probe_name: str) -> bool:
        """Return whether a probe of the rendered container succeeds."""
        probe = container[probe_name]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        try:
            if "tcpSocket" in probe:
                address = self.address, ports[probe["tcpSocket"]["port"]]
                with socket.create_connection(address, timeout=probe["timeoutSeconds"]):
                    return True
            port = ports[probe["httpGet"]["port"]]
            with closing(http.client.HTTPConnection(self.address, port, timeout=probe["timeoutSeconds"])) as connection:
                connection.request("GET", probe["httpGet"]["path"])
                return connection.getresponse().status < http.client.BAD_REQUEST
        except OSError:
            return False

    def stop(self) -> dict[str, float]:
        """Stop the pod as a node does: every preStop at once, SIGTERM after each, SIGKILL after the grace period.

        Returns:
            Seconds until each container had ended by itself, its preStop included.

        Raises:
            EngineError: A container outlasted the grace period.
        """
        grace_s = self._pod.template["spec"]["terminationGracePeriodSeconds"]

        def stop_one(container: Mapping[str, Any]) -> float:
            began_s = time.monotonic()
            before_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
            time.sleep(before_s)
            left_s = grace_s - before_s
            self._engine.podman("stop", "--time", str(left_s), self._called(container["name"]), limit_s=left_s + 30.0)
            return time.monotonic() - began_s

        with ThreadPoolExecutor(len(self._containers)) as nodes:
            ended_s = list(nodes.map(stop_one, self._containers))
        if max(ended_s) >= grace_s:
            raise EngineError(f"a container had to be killed after the grace period of {grace_s} s")
        return {container["name"]: ended for container, ended in zip(self._containers, ended_s, strict=True)}

    def kill(self, container: str) -> None:
        """Kill a container's first process with SIGKILL and wait until podman has started the container again.

        Raises:
            EngineError: It was not started again in time.
        """
        before_s = self._started_s(container)
        os.kill(int(self._state(container, "{{.State.Pid}}")), signal.SIGKILL)
        deadline_s = time.monotonic() + _RESTART_S
        while not (self._started_s(container) > before_s and self.runs(container)):
            if time.monotonic() > deadline_s:
                raise EngineError(f"{container} was not started again within {_RESTART_S:g} s")
            time.sleep(0.2)

    def runs(self, container: str) -> bool:
        """Return whether a container runs."""
        return self._state(container, "{{.State.Running}}") == "true"

    def exit_code(self, container: str) -> int:
        """Return how a container ended."""
        return int(self._state(container, "{{.State.ExitCode}}"))

    def log(self, container: str) -> str:
        """Return what a container has said."""
        return self._engine.podman("logs", self._called(container))

    def processes(self, container: str) -> list[int]:
        """Return the process ids of a container, as this machine sees them."""
        return [int(line) for line in (self._cgroup(container, "memory") / "cgroup.procs").read_text().split()]

    def memory_bytes(self, container: str) -> tuple[int, int]:
        """Return a container's memory now and at its peak, as its limit counts it: with page cache, shared memory."""
        folder = self._cgroup(container, "memory")
        names = ("memory.usage_in_bytes", "memory.max_usage_in_bytes")
        if not (folder / names[0]).is_file():
            names = ("memory.current", "memory.peak")
        now, peak = (int((folder / name).read_text()) for name in names)
        return now, peak

    def user_ids(self, container: str) -> set[int]:
        """Return the users that a container's processes run as."""
        return {Path("/proc", str(process)).stat().st_uid for process in self.processes(container)}

    def read_only(self, container: str) -> bool:
        """Return whether a container's root is mounted read-only."""
        mounts = Path("/proc", self._state(container, "{{.State.Pid}}"), "mounts").read_text().splitlines()
        (options,) = (fields[3] for fields in map(str.split, mounts) if fields[1] == "/")
        return "ro" in options.split(",")

    def left_in(self, volume: str) -> list[str]:
        """Return the names of the files in a volume."""
        return sorted(each.name for each in self._mount_point(volume).iterdir())

    @property
    def _containers(self) -> list[Mapping[str, Any]]:
        return list(self._pod.template["spec"]["containers"])

    def _called(self, container: str) -> str:
        return f"{self._pod.name}-{container}"

    def _state(self, container: str, template: str) -> str:
        return self._engine.podman("inspect", "--format", template, self._called(container)).strip()

    def _started_s(self, container: str) -> float:
        return float(self._state(container, "{{.State.StartedAt.UnixMilli}}")) / 1000.0

    def _cgroup(self, container: str, controller: str) -> Path:
        process = self._state(container, "{{.State.Pid}}")
        for line in Path("/proc", process, "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                return _CGROUPS / controller / path.lstrip("/")
            if not controllers and not (_CGROUPS / controller).is_dir():
                return _CGROUPS / path.lstrip("/")
        raise EngineError(f"{container} is in no cgroup for {controller}.")

    def _mount_point(self, volume: str) -> Path:
        return Path(self._engine.podman("volume", "inspect", "--format", "{{.Mountpoint}}", volume).strip())

    def _make_volumes(self) -> None:
        security = self._pod.template["spec"]["securityContext"]
        user, group = security["runAsUser"], security["fsGroup"]
        for volume in self._pod.memory_volumes:
            blocks = volume.size_mib * 2**20 // _PAGE_BYTES  # podman takes "size" for a quota of the disk
            options = f"o=nr_blocks={blocks},uid={user},gid={group},mode=2777"
            self._engine.podman(
                "volume", "create", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", options, volume.name
            )
        for name, secret in self._pod.secret_volumes.items():
            self._engine.podman("volume", "create", name)
            for key, content in self._secrets[secret].items():
                file = self._mount_point(name) / key
                file.touch(mode=0o440)
                file.write_bytes(content)
                os.chown(file, 0, group)

        for claim, folder in self._claims.items():
            self._engine.podman("volume", "create", claim)
            shutil.copytree(folder, self._mount_point(claim), dirs_exist_ok=True)

    def _remove(self) -> None:
        self._engine.podman("pod", "rm", "--force", "--all")
        self._engine.podman("volume", "rm", "--force", "--all")
        if _NETWORK in self._engine.podman("network", "ls", "--format", "{{.Name}}").split():
            self._engine.podman("network", "rm", _NETWORK)


def stub_processes(processes: list[int], model: str) -> list[int]:
    """Return those of ``processes`` that run a step of Triton's Python backend."""
    found = []
    for process in processes:
        try:
            command = Path("/proc", str(process), "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except FileNotFoundError:
            continue
        if "triton_python_backend_stub" in command and f"/{model}/" in command:
            found.append(process)
    return found


def kill_step(processes: list[int], model: str) -> None:
    """Kill one process of a step with SIGKILL.

    Raises:
        EngineError: None runs.
    """
    found = stub_processes(processes, model)
    if not found:
        raise EngineError(f"no process of {model} runs")
    os.kill(found[0], signal.SIGKILL)
