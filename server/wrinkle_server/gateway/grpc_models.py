"""The allow-list of models for gRPC, where the name stands in the message and not in the path.

Envoy reads ``model_name`` out of the protobuf message into its metadata, and refuses every name that is not offered.

Source: Envoy ``grpc_field_extraction`` and ``rbac`` HTTP filters; the message types are tritonclient's.
"""

from __future__ import annotations

import base64
from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from tritonclient.grpc import model_config_pb2, service_pb2

from wrinkle_server.gateway.envoy_config import Message, typed
from wrinkle_server.gateway.routes import GRPC_MODEL_METHODS, OFFERED_MODELS

__all__ = ["model_filters"]

_EXTRACTION: Final = "envoy.filters.http.grpc_field_extraction"
_FIELDS: Final = {"ModelInfer": "model_name", "ModelReady": "name", "ModelMetadata": "name"}


def model_filters() -> list[Message]:
    """Return the two HTTP filters."""
    extractions: Message = {
        path.strip("/").replace("/", "."): {"request_field_extractions": {_FIELDS[path.rpartition("/")[2]]: {}}}
        for path in GRPC_MODEL_METHODS
    }
    return [
        {
            "name": _EXTRACTION,
            "typed_config": typed(
                "extensions.filters.http.grpc_field_extraction.v3.GrpcFieldExtractionConfig",
                descriptor_set={"inline_bytes": base64.b64encode(_descriptors()).decode("ascii")},
                extractions_by_method=extractions,
            ),
        },
        {
            "name": "envoy.filters.http.rbac",
            "typed_config": typed(
                "extensions.filters.http.rbac.v3.RBAC",
                rules={
                    "action": "ALLOW",
                    "policies": {"offered": {"permissions": [_offered()], "principals": [{"any": True}]}},
                },
            ),
        },
    ]


def _descriptors() -> bytes:
    files = FileDescriptorSet()
    for module in (model_config_pb2, service_pb2):
        module.DESCRIPTOR.CopyToProto(files.file.add())
    return files.SerializeToString(deterministic=True)


def _offered() -> Message:
    """Return the RBAC permission: no call that names a model, or one whose model is offered."""
    per_method = [_either(_not_path(path), _named(_FIELDS[path.rpartition("/")[2]])) for path in GRPC_MODEL_METHODS]
    return {"and_rules": {"rules": per_method}}


def _either(*rules: Message) -> Message:
    return {"or_rules": {"rules": list(rules)}}


def _not_path(path: str) -> Message:
    return {"not_rule": {"url_path": {"path": {"exact": path}}}}


def _named(field: str) -> Message:
    names = [{"string_match": {"exact": name}} for name in OFFERED_MODELS]
    value = {"list_match": {"one_of": {"or_match": {"value_matchers": names}}}}
    matcher = {"filter": _EXTRACTION, "path": [{"key": field}], "value": value}
    return {"sourced_metadata": {"metadata_matcher": matcher, "metadata_source": "DYNAMIC"}}
