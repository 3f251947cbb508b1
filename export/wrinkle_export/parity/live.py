"""The live ensemble: a photograph goes to a running Triton server, mask and probability come back.

tritonclient is used as it is, so that the gate judges the server and not our own client.

Source: Triton docs/protocol/extension_parameters.md.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
from tritonclient.utils import InferenceServerException

from wrinkle_core.contract import IMAGE, MASK_PNG, PROBABILITY_PNG, SegmenterContract
from wrinkle_core.errors import (
    InvalidParameterError,
    ModelNotReadyError,
    ServerFaultError,
    ServerUnreachableError,
    from_wire,
)
from wrinkle_export.parity.compare import InPhotograph

__all__ = ["LiveEnsemble"]

_TIMEOUT_S: Final = 120.0
_OUTPUTS: Final = (MASK_PNG.name, PROBABILITY_PNG.name)


class LiveEnsemble:
    """One ensemble of a running server; a context manager.

    Args:
        url: ``http://HOST:PORT`` or ``grpc://HOST:PORT``.
        spec: The segmenter.

    Raises:
        InvalidParameterError: The address has another form.
        ModelNotReadyError: The server does not serve the ensemble.
        ServerUnreachableError: Nothing answers there.
    """

    def __init__(self, url: str, spec: SegmenterContract) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "grpc") or not parts.hostname or parts.path not in ("", "/"):
            raise InvalidParameterError(f"--url wants http://HOST:PORT or grpc://HOST:PORT, got {url!r}.")
        self._ensemble = spec.ensemble
        self._protocol, self._client, self._limit = _client(parts.scheme, parts.netloc)
        try:
            is_ready = self._client.is_model_ready(spec.ensemble)
        except (OSError, InferenceServerException):
            self.close()
            raise ServerUnreachableError(f"Nothing answers at {url}; start a server with `wrinkle serve`.") from None
        if not is_ready:
            self.close()
            raise ModelNotReadyError(f"The server at {url} has no {spec.ensemble} that is ready.")

    def __enter__(self) -> LiveEnsemble:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def segment(self, encoded: bytes) -> InPhotograph:
        """Return the server's answer to one encoded photograph, at the default threshold.

        Raises:
            ServerFaultError: The server failed, or answered with something else.
            WrinkleError: What a step of the ensemble said.
        """
        image = self._protocol.InferInput(IMAGE.name, [len(encoded)], IMAGE.datatype)
        image.set_data_from_numpy(np.frombuffer(encoded, np.uint8))
        outputs = [self._protocol.InferRequestedOutput(name) for name in _OUTPUTS]
        try:
            answer = self._client.infer(
                self._ensemble, [image], outputs=outputs, parameters={"probability": True}, **self._limit
            )
        except InferenceServerException as error:
            raise from_wire(str(error)) or ServerFaultError(f"{self._ensemble} failed: {str(error)[:200]}") from None
        except OSError as error:
            raise ServerFaultError(f"The connection broke: {type(error).__name__}.") from None
        mask_png, probability_png = (answer.as_numpy(name).tobytes() for name in _OUTPUTS)
        return InPhotograph.decoded(mask_png, probability_png)


def _client(scheme: str, address: str) -> tuple[Any, Any, dict[str, float]]:
    """Return the protocol's module, a client, and how it takes a limit in seconds per call."""
    if scheme == "grpc":
        import tritonclient.grpc as grpc

        return grpc, grpc.InferenceServerClient(address), {"client_timeout": _TIMEOUT_S}
    import tritonclient.http as http

    client = http.InferenceServerClient(address, connection_timeout=_TIMEOUT_S, network_timeout=_TIMEOUT_S)
    return http, client, {}
