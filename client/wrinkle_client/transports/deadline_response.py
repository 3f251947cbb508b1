"""An HTTP response that is read within a deadline: before every read the socket is given what is left of it.

A socket's own time limit starts anew with every packet, so a server that trickles bytes would outlast it.
"""

from __future__ import annotations

import http.client
import io

from wrinkle_client.deadline import Deadline

__all__ = ["DeadlineResponse"]


class DeadlineResponse(http.client.HTTPResponse):
    """``http.client``'s response over a reader that keeps the deadline from the first byte on."""

    def __init__(self, sock: object, deadline: Deadline, *args: object, **kwargs: object) -> None:
        super().__init__(sock, *args, **kwargs)  # type: ignore[arg-type]
        self.fp.close()
        self.fp = io.BufferedReader(_DeadlineReader(sock, deadline))


class _DeadlineReader(io.RawIOBase):
    def __init__(self, sock: object, deadline: Deadline) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)  # type: ignore[attr-defined]
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int | None:
        self._sock.settimeout(self._deadline.require_s())  # type: ignore[attr-defined]
        return self._file.readinto(buffer)  # type: ignore[no-any-return]

    def close(self) -> None:
        self._file.close()
        super().close()
