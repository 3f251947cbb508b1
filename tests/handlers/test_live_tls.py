"""``torchserves://``: TorchServe behind a proxy that ends TLS, as its users put it on a network."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from wrinkle_client import AsyncClient, Client, Health, ServerUnreachableError
from wrinkle_handlers.server.torchserve import TorchServe

pytestmark = [pytest.mark.live, pytest.mark.needs("java")]


class TlsProxy:
    """Hands decrypted bytes on to a port of this machine, on an event loop in a thread of its own."""

    def __init__(self, target_port: int, tls: ssl.SSLContext) -> None:
        self._target_port = target_port
        self._tls = tls
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> TlsProxy:
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._end.wait()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        await asyncio.gather(_hand_on(reader, behind_writer), _hand_on(behind_reader, writer))


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        return  # the client refused the certificate
    finally:
        writer.close()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def proxy(torchserve: TorchServe, authority: trustme.CA) -> Iterator[TlsProxy]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    with TlsProxy(torchserve.options.port, tls) as running:
        yield running


def test_both_clients_speak_tls_and_trust_the_named_authority_alone(
    torchserve: TorchServe, proxy: TlsProxy, authority: trustme.CA, grace_hopper_jpeg: bytes, tmp_path: Path
) -> None:
    url, ca_file = f"torchserves://localhost:{proxy.port}", tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))

    async def ask() -> Health:
        async with AsyncClient(url, token=torchserve.token, ca_file=ca_file) as opened:
            return await opened.health(timeout_s=30.0)

    with Client(url, token=torchserve.token, ca_file=ca_file) as opened:
        assert opened.segment(grace_hopper_jpeg, timeout_s=120.0).mask.any()
    assert asyncio.run(ask()) == Health(live=True, ready=True)
    with Client(url, token=torchserve.token) as distrusting, pytest.raises(ServerUnreachableError, match="TLS"):
        distrusting.segment(grace_hopper_jpeg, timeout_s=10.0)
