"""The chart's Deployment as one Pod that podman 4.3 can play, and every substitution made for that.

Nothing else of the Deployment is changed: command, settings, environment, limits, users, capabilities and mounts are
those that a cluster would get.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chart_checks.matrix import REQUIRED
from chart_checks.rendering import PROFILES, render

__all__ = ["LocalPod", "MemoryVolume", "local_pod"]

_NAMESPACE: Final = "faces"
_SECRETS: Final = (
    "Secrets become volumes whose files have the owner and mode that kubelet gives: podman's are open to all."
)
_PROBES: Final = ("startupProbe", "readinessProbe", "livenessProbe")
_CLUSTER_ONLY: Final = ("serviceAccountName", "topologySpreadConstraints", "enableServiceLinks", "priorityClassName")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MemoryVolume:
    """A volume in memory.

    Attributes:
        name: Of the volume.
        size_mib: Its limit.
    """

    name: str
    size_mib: int


@dataclass(frozen=True, slots=True)
class LocalPod:
    """What podman is given, and what it is not given.

    Attributes:
        documents: ConfigMaps and the Pod, for ``podman play kube``.
        template: The Deployment's pod template as helm rendered it.
        memory_volumes: To be made before.
        secret_volumes: To be made before: the volume's name, and the Secret and its keys that it shows.
        substitutions: One sentence each.
    """

    documents: tuple[Json, ...]
    template: Json
    memory_volumes: tuple[MemoryVolume, ...]
    secret_volumes: Mapping[str, str]
    substitutions: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the pod; a container is called after it and itself."""
        return str(self.documents[-1]["metadata"]["name"])

    def container(self, name: str) -> Json:
        """Return a container of the template as rendered."""
        (found,) = (each for each in self.template["spec"]["containers"] if each["name"] == name)
        return dict(found)


def local_pod(image: str, values: Mapping[str, Any] | None = None) -> LocalPod:
    """Render profile ``cpu`` and turn it into a pod.

    Args:
        image: What every container runs, by its local name.
        values: Values over the profile's.
    """
    objects = render([PROFILES / "values-cpu.yaml", REQUIRED], values, namespace=_NAMESPACE)
    (deployment,) = (each for each in objects if each["kind"] == "Deployment")
    template = deployment["spec"]["template"]
    spec = copy.deepcopy(template["spec"])
    made = [f"The Deployment becomes one Pod; {', '.join(_CLUSTER_ONLY)} go, podman knows none of them."]
    for field in _CLUSTER_ONLY:
        spec.pop(field, None)
    made.append("Annotations go: podman refuses values of more than 63 characters, such as a checksum.")
    made.append("Images become the one built here, which is never pulled.")
    made.append("Probes and preStop go: podman runs them with systemd or not at all; the check itself does their part.")
    for container in (*spec["containers"], *spec.get("initContainers", ())):
        container |= {"image": image, "imagePullPolicy": "Never"}
        for field in (*_PROBES, "lifecycle"):
            container.pop(field, None)
    memory, secrets = [], {}
    for volume in spec["volumes"]:
        if volume.get("emptyDir", {}).get("medium") == "Memory":
            memory.append(MemoryVolume(volume["name"], _mib(volume.pop("emptyDir")["sizeLimit"])))
            volume["persistentVolumeClaim"] = {"claimName": volume["name"]}
        elif "secret" in volume:
            secrets[volume["name"]] = volume.pop("secret")["secretName"]
            volume["persistentVolumeClaim"] = {"claimName": volume["name"]}
    made.append("Volumes in memory become tmpfs volumes of the same size: podman would put them on disk.")
    made.append(_SECRETS)
    if "initContainers" in spec:
        made.append("An init container is kept after its end, so that its log can be read.")
    made.append("Not enforced by podman: sizeLimit of volumes on disk, ephemeral-storage, fsGroup.")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": deployment["metadata"]["name"],
            "labels": template["metadata"]["labels"],
            "annotations": {"io.podman.annotations.init.container.type": "always"},
        },
        "spec": spec,
    }
    settings = [_without_namespace(each) for each in objects if each["kind"] == "ConfigMap" and _is_mounted(each, spec)]
    return LocalPod((*settings, pod), template, tuple(memory), secrets, tuple(made))


def _is_mounted(config_map: Json, spec: Json) -> bool:
    names = {volume["configMap"]["name"] for volume in spec["volumes"] if "configMap" in volume}
    return config_map["metadata"]["name"] in names


def _without_namespace(document: Json) -> Json:
    return document | {"metadata": {"name": document["metadata"]["name"]}}


def _mib(quantity: str) -> int:
    return int(quantity.removesuffix("Mi"))
