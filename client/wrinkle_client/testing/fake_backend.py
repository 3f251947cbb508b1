"""What the fake server does with a call, whichever protocol it came over."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from wrinkle_client.result import SegmentationResult
from wrinkle_client.testing.mock_transport import Handler, encoded_answer
from wrinkle_client.transports.messages import InferenceRequest, RawAnswer
from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import ModelNotFoundError, WrinkleError

__all__ = ["FakeBackend", "ReceivedCall"]

_MAX_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class ReceivedCall:
    """One inference as the fake server saw it.

    Attributes:
        protocol: ``http`` or ``grpc``.
        model_name: Triton name of the ensemble or network.
        request_id: As the client sent it.
        parameters: Request parameters.
        image: The encoded photograph; empty for a call to a network alone.
        headers: HTTP headers or gRPC metadata, lower-case names.
    """

    protocol: str
    model_name: str
    request_id: str
    parameters: Mapping[str, bool | float]
    image: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class FakeBackend:
    """Answers, delays, failures and the memory of calls; shared by the threads of both protocols."""

    def __init__(self, handler: Handler, *, delay_s: float) -> None:
        self.delay_s = delay_s
        self.received: deque[ReceivedCall] = deque(maxlen=_MAX_REMEMBERED)
        self._handler = handler
        self._failures: deque[WrinkleError] = deque()
        self._stopping = threading.Event()

    def fail_next(self, error: WrinkleError, times: int) -> None:
        """Answer the next ``times`` calls with ``error``."""
        self._failures.extend([error] * times)

    def start(self) -> None:
        """Let delays run their time, also after a stop."""
        self._stopping.clear()

    def stop(self) -> None:
        """End every delay."""
        self._stopping.set()

    def infer(self, request: InferenceRequest, protocol: str, headers: Mapping[str, str]) -> RawAnswer:
        """Answer one call.

        Raises:
            WrinkleError: The planned failure, or what the handler raises.
        """
        image = request.inputs.get("IMAGE")
        self.received.append(
            ReceivedCall(
                protocol,
                request.model_name,
                request.request_id,
                dict(request.parameters),
                b"" if image is None else image.tobytes(),
                dict(headers),
            )
        )
        self._stopping.wait(self.delay_s)
        try:
            raise self._failures.popleft()
        except IndexError:
            answer = self._handler(request)
        return encoded_answer(answer, request) if isinstance(answer, SegmentationResult) else answer

    def require_model(self, name: str) -> None:
        """Check that the contract has the model ``name``.

        Raises:
            ModelNotFoundError: It has none.
        """
        if not any(name in (spec.name, spec.ensemble) for spec in SEGMENTERS):
            raise ModelNotFoundError(f"No model is called {name[:80]!r}.")
