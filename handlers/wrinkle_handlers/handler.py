"""What TorchServe calls: one process with one network, which answers whole batches.

TorchServe makes one object per worker, calls ``initialize`` once, and ``handle`` with up to ``batchSize`` requests that
came within ``maxBatchDelay`` milliseconds. ``handle`` raises nothing: an exception would fail the whole batch and write
a traceback into the log.

Source: TorchServe docs/custom_service.md; per-request statuses: ts/context.py, ``set_response_status``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch

from wrinkle_core.contract_version import require_contract_version
from wrinkle_core.decode import DecodeLimits
from wrinkle_core.errors import ArtifactError, ServerFaultError, WrinkleError
from wrinkle_core.heap import keep_freed_memory
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.torchserve_form import DESCRIBE_HEADER
from wrinkle_handlers.batch import BatchSegmenter, Segmented
from wrinkle_handlers.metrics import HandlerMetrics
from wrinkle_handlers.network import TorchNetwork
from wrinkle_handlers.options import HandlerOptions
from wrinkle_handlers.replies import ModelIdentity, Reply, answer_reply, description_reply, refusal_reply
from wrinkle_handlers.requests import HandlerRequest, clean_request_id
from wrinkle_handlers.worker_log import WorkerLog

__all__ = ["SegmentationHandler"]

_JSON = "application/json"


class SegmentationHandler:
    """One worker's handler; ``context`` is TorchServe's ``ts.context.Context``."""

    def initialize(self, context: Any) -> None:
        """Load network and face networks, and run the network once per kind of batch.

        Raises:
            ArtifactError: Checkpoint or face networks are missing or damaged.
            ContractError: The archive speaks another contract version than the code in it.
            InvalidParameterError: ``model-config.yaml`` has an unknown option.
        """
        cv2.setNumThreads(1)
        keep_freed_memory()
        manifest, properties = context.manifest, context.system_properties
        require_contract_version(
            manifest.get("wrinkle", {}).get("contract_version"), of="The model archive", here="this package"
        )
        options = HandlerOptions.from_model_config(context.model_yaml_config or {})
        self._model = ModelIdentity(context.model_name, str(manifest["model"]["modelVersion"]))
        self._log = WorkerLog(model=context.model_name, instance=str(os.getpid()))
        self._metrics = HandlerMetrics(context.metrics, context.model_name)
        checkpoint = Path(properties["model_dir"], manifest["model"]["serializedFile"])
        network = TorchNetwork(checkpoint, options, _device(properties.get("gpu_id")))
        if network.spec.name != manifest["wrinkle"]["segmenter"]:
            raise ArtifactError(f"The archive is of {manifest['wrinkle']['segmenter']}, its weights are another's.")
        network.warm_up(_warm_up_sizes(int(properties["batch_size"] or 1)) if options.compile else (1,))
        limits = DecodeLimits(options.max_encoded_bytes, options.max_pixels)
        self._segmenter = BatchSegmenter(network, FaceLandmarker(threads=1), limits, self._metrics)
        self._log.ready(device=str(network.device), precision=options.precision, compiled=options.compile)

    def handle(self, data: Sequence[Mapping[str, Any]], context: Any) -> list[bytes]:
        """Return one JSON body per request, in order, and set each request's own HTTP status."""
        began_s = time.monotonic()
        headers = [_lower_case(context.get_all_request_header(index)) for index in range(len(data))]
        to_segment = [index for index in range(len(data)) if DESCRIBE_HEADER not in headers[index]]
        reads = [partial(HandlerRequest.read, data[index], headers[index]) for index in to_segment]
        outcomes = dict(zip(to_segment, self._segmenter.segment(reads) if reads else [], strict=True))
        bodies = []
        for index in range(len(data)):
            reply = self._reply(outcomes.get(index), clean_request_id(headers[index]), time.monotonic() - began_s)
            context.set_response_content_type(index, _JSON)
            context.set_response_status(reply.status.value, reply.status.phrase, index)
            bodies.append(reply.body)
        return bodies

    def _reply(self, outcome: Segmented | Exception | None, request_id: str, seconds: float) -> Reply:
        if outcome is None:
            return description_reply(self._model, request_id)
        if isinstance(outcome, Segmented):
            return answer_reply(self._model, request_id, outcome.answer, outcome.geometry)
        # Anything unexpected is told as SERVER_FAULT: its message may quote content or name the server's files.
        known = (
            outcome if isinstance(outcome, WrinkleError) else ServerFaultError("The server failed; its log says where.")
        )
        self._metrics.failed(known.code)
        self._log.failed(outcome, known, request_id=request_id, seconds=seconds)
        return refusal_reply(known, request_id)


def _device(gpu_id: int | None) -> torch.device:
    """Return the GPU that TorchServe gives this worker, the processor where it gives none."""
    return torch.device("cuda", gpu_id) if gpu_id is not None and torch.cuda.is_available() else torch.device("cpu")


def _warm_up_sizes(batch_size: int) -> tuple[int, ...]:
    """Return the batch sizes for which torch compiles anew: one picture, two, and as many as there may be."""
    return tuple(sorted({1, min(2, batch_size), batch_size}))


def _lower_case(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
