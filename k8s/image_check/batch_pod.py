"""One pod of a batch Job (``k8s/batch``), run by podman as the manifest says: command, user, limits, read-only root."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from image_check.engine import ContainerEngine

__all__ = ["run_batch_pod"]

_LIMIT_S: Final = 600.0


def run_batch_pod(
    engine: ContainerEngine,
    job: Path,
    image: str,
    shard: int,
    volumes: Mapping[str, Path],
    *,
    instead: Mapping[str, str] | None = None,
    network: str = "none",
) -> str:
    """Run one shard to its end and return what it prints.

    Args:
        engine: Has the image.
        job: The manifest; not changed, and used whole but for names, labels, seccomp and podFailurePolicy.
        image: In the place of the manifest's.
        shard: Completion index.
        volumes: By name, the folder that stands for each claim, Secret and ConfigMap.
        instead: Arguments of the manifest and what is given in their place, such as the service's address.
        network: Of podman.

    Raises:
        EngineError: The container ends with another code than 0, or takes too long.
    """
    template = yaml.safe_load(job.read_text(encoding="utf-8"))["spec"]["template"]["spec"]
    (container,) = template["containers"]
    words = [
        "run",
        "--rm",
        "--pull=never",
        f"--network={network}",
        *_security(template, container),
        *_limits(container),
    ]
    sizes = {one["name"]: one["emptyDir"]["sizeLimit"] for one in template["volumes"] if "emptyDir" in one}
    for mount in container["volumeMounts"]:
        name, path = mount["name"], mount["mountPath"]
        if name in sizes:
            words.append(f"--tmpfs={path}:size={sizes[name].lower().removesuffix('i')}")
        else:
            words.append(f"--volume={volumes[name]}:{path}{':ro' if mount.get('readOnly') else ''}")
    words += [f"--env={one['name']}={one.get('value', shard)}" for one in container["env"]]
    entry, *command = container.get("command", [""])
    if entry:
        words.append(f"--entrypoint={entry}")
    given = [(instead or {}).get(word, word).replace("$(SHARD)", str(shard)) for word in container["args"]]
    return engine.podman(*words, image, *command, *given, limit_s=_LIMIT_S)


def _security(template: Mapping[str, Any], container: Mapping[str, Any]) -> list[str]:
    pod, own = template["securityContext"], container["securityContext"]
    words = [f"--user={pod['runAsUser']}:{pod['runAsGroup']}"]
    words += [f"--cap-drop={each}" for each in own["capabilities"]["drop"]]
    if own["readOnlyRootFilesystem"]:
        words += ["--read-only", "--read-only-tmpfs=false"]
    if not own["allowPrivilegeEscalation"]:
        words.append("--security-opt=no-new-privileges")
    return words


def _limits(container: Mapping[str, Any]) -> list[str]:
    limits = container["resources"]["limits"]
    memory = limits["memory"].lower().removesuffix("i")
    return [f"--cpus={limits['cpu']}", f"--memory={memory}", f"--memory-swap={memory}"]
