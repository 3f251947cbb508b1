"""The chart's pod under podman, with a certificate and a token of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from image_check.engine import ContainerEngine
from image_check.node import LocalNode
from image_check.pod import LocalPod
from wrinkle_client import Client, RetryPolicy
from wrinkle_server.gateway.tokens import new_token

__all__ = ["RunningPod", "started"]


@dataclass(frozen=True)
class RunningPod:
    """A pod that is ready.

    Attributes:
        engine: Runs it.
        node: Around it.
        pod: As rendered.
        token: Its gateway accepts it.
        authority: PEM file; its gateway's certificate is signed by it.
        start_s: From the first container's start until both were ready.
    """

    engine: ContainerEngine
    node: LocalNode
    pod: LocalPod
    token: str = field(repr=False)
    authority: Path
    start_s: float

    def url(self, scheme: str) -> str:
        return f"{scheme}://{self.node.address}:8443"

    def client(self, scheme: str, retry: RetryPolicy | None = None) -> Client:
        return Client(self.url(scheme), token=self.token, ca_file=self.authority, retry=retry)


@contextlib.contextmanager
def started(pod: LocalPod, folder: Path, claims: dict[str, Path] | None = None) -> Iterator[RunningPod]:
    """Run ``pod`` with a certificate and a token of its own."""
    authority, token = trustme.CA(), new_token("check")
    certificate = authority.issue_cert(LocalNode.address)
    secrets = {
        pod.secret_volumes["tls"]: {
            "tls.crt": b"".join(blob.bytes() for blob in certificate.cert_chain_pems),
            "tls.key": certificate.private_key_pem.bytes(),
        },
        pod.secret_volumes["tokens"]: {"tokens": f"{token.line}\n".encode()},
    }
    authority_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(authority_file))
    engine = ContainerEngine()
    with LocalNode(engine, pod, secrets, claims) as node:
        yield RunningPod(engine, node, pod, token.token, authority_file, node.wait_ready())
