"""``python -m image_check build | pod | clean``: build the images, print the pod for podman, remove everything made."""

from __future__ import annotations

import argparse
import sys

import yaml

from image_check.build import CLIENT, SERVER, build_image, size_bytes
from image_check.engine import ContainerEngine, EngineError
from image_check.pod import local_pod


def _build() -> None:
    engine = ContainerEngine()
    for image in (CLIENT, SERVER):
        build_image(engine, image)
        sys.stdout.write(f"{image.name}, {size_bytes(engine, image) / 1e6:.0f} MB\n")


def _pod() -> None:
    pod = local_pod(SERVER.name)
    sys.stdout.writelines(f"# {each}\n" for each in pod.substitutions)
    sys.stdout.write(yaml.safe_dump_all(pod.documents, sort_keys=False))


def _clean() -> None:
    ContainerEngine().remove()


_COMMANDS = {"build": _build, "pod": _pod, "clean": _clean}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m image_check", description=__doc__)
    parser.add_argument("command", choices=_COMMANDS)
    try:
        _COMMANDS[parser.parse_args().command]()
    except EngineError as error:
        sys.exit(str(error))
