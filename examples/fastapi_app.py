"""A web service of your own in front of the model server: one client for all requests, typed errors as HTTP statuses.

WRINKLE_URL=grpc://localhost:8001 uvicorn --app-dir examples fastapi_app:app
curl -F photo=@face.jpg localhost:8080/figures

Photographs of faces are personal data: this keeps none, logs none, and answers figures and not pictures.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, UploadFile
from fastapi.responses import JSONResponse

from wrinkle_client import (
    AsyncClient,
    DeadlineExceededError,
    ImageTooLargeError,
    InvalidInputError,
    Limits,
    OverloadedError,
    ServerUnreachableError,
    WrinkleError,
)

MAX_UPLOAD_BYTES = 10 * 2**20
STATUSES: tuple[tuple[type[WrinkleError], int], ...] = (
    (ImageTooLargeError, 413),
    (InvalidInputError, 422),
    (OverloadedError, 503),
    (ServerUnreachableError, 503),
    (DeadlineExceededError, 504),
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold one client for as long as the service runs: it shares its connections between all requests."""
    url = os.environ.get("WRINKLE_URL", "grpc://localhost:8001")
    async with AsyncClient(url, limits=Limits(max_encoded_bytes=MAX_UPLOAD_BYTES)) as client:
        app.state.client = client
        yield


app = FastAPI(title="Wrinkle figures", lifespan=lifespan)


def shared_client(request: Request) -> AsyncClient:
    """Return the service's client; a test may override this dependency."""
    client: AsyncClient = request.app.state.client
    return client


@app.exception_handler(WrinkleError)
async def told(request: Request, error: WrinkleError) -> JSONResponse:
    """Answer with the error's code and text, which never hold content of a photograph."""
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), 502)
    headers = {"Retry-After": "1"} if error.retryable else {}
    return JSONResponse({"code": error.code, "message": str(error)}, status, headers)


@app.post("/figures")
async def figures(photo: UploadFile, client: Annotated[AsyncClient, Depends(shared_client)]) -> dict[str, Any]:
    """Segment an uploaded photograph."""
    result = await client.segment(await photo.read(MAX_UPLOAD_BYTES + 1), timeout_s=20.0)
    return result.to_document()
