"""The reference page ``docs/contract.md``, made from the tensor contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from wrinkle_core.contract import (
    CONTRACT_VERSION,
    MASK_PNG,
    MODELS,
    REPORT_JSON,
    SEGMENTERS,
    ModelContract,
    SegmenterContract,
    TensorContract,
)
from wrinkle_core.torchserve_form import ENCODED_TENSORS, REPORT_KEY, header_of
from wrinkle_export.repository.triton_config import GENERATED_NOTE

__all__ = ["contract_page"]

_INTRODUCTION: Final = """\
Every tensor of every served model, contract version {version}. `config.pbtxt`, the client's types and this page
come from `core/wrinkle_core/contract.py`; an interface changes there and nowhere else.

Shapes leave out the batch axis where the largest batch is given; -1 is dynamic. Encoded files travel as plain bytes
(UINT8, one axis), never as Triton's BYTES type. Between the steps images are UINT8; normalisation, activation and
quantisation live inside the network's graph. Threshold and what to return are request parameters, see `serving.md`.
"""

_TORCHSERVE: Final = """\
`POST /predictions/ENSEMBLE` with `IMAGE` as the body; request parameters and `geometry` are headers, such as
`{threshold}: 0.5`. The answer is one JSON object. A refusal has `code`, `message` and `request_id`, with an HTTP status
of its own; see `torchserve.md`.
""".format(threshold=header_of("threshold"))


def contract_page() -> str:
    """Return the whole page as Markdown."""
    lines = [
        f"<!-- {GENERATED_NOTE} -->",
        "# Tensor contract",
        "",
        *_INTRODUCTION.format(version=CONTRACT_VERSION).splitlines(),
        "",
        "## Segmenters",
        "",
        "| model | ensemble | input side (px) | channels | sees | default threshold |",
        "|---|---|---|---|---|---|",
        *(_segmenter_row(spec) for spec in SEGMENTERS),
    ]
    for contract in MODELS:
        lines += _model_section(contract)
    lines += _torchserve_section()
    return "\n".join(lines) + "\n"


def _segmenter_row(spec: SegmenterContract) -> str:
    return (
        f"| `{spec.name}` | `{spec.ensemble}` | {spec.input_px} | {', '.join(spec.channels)} "
        f"| {spec.mask_rule.value} | {spec.default_threshold:g} |"
    )


def _model_section(contract: ModelContract) -> Iterator[str]:
    batch = f"; batches of up to {contract.max_batch_size}" if contract.max_batch_size else ""
    yield from ("", f"## `{contract.name}`", "", f"Kind: {contract.kind}{batch}.")
    if contract.steps:
        yield f"Steps: {' → '.join(f'`{step.model_name}`' for step in contract.steps)}."
    yield from (
        "",
        "| | tensor | type | shape | axes | channels | range | meaning |",
        "|---|---|---|---|---|---|---|---|",
    )
    yield from _tensor_rows("in", contract.inputs)
    yield from _tensor_rows("out", contract.outputs)


def _torchserve_section() -> Iterator[str]:
    yield from ("", "## TorchServe", "", *_TORCHSERVE.splitlines(), "", "| key | holds | JSON |", "|---|---|---|")
    for key, tensor in ENCODED_TENSORS.items():
        asked = "" if tensor is MASK_PNG else ", when asked for"
        yield f"| `{key}` | `{tensor.name}`{asked} | text, Base64 of its bytes |"
    yield f"| `{REPORT_KEY}` | `{REPORT_JSON.name}` | object |"
    yield "| `contract_version` | of the model that answered | number |"
    yield "| `model`, `model_version`, `request_id` | which model answered which request | texts |"


def _tensor_rows(direction: str, tensors: Iterable[TensorContract]) -> Iterator[str]:
    for tensor in tensors:
        low, high = tensor.value_range
        yield (
            f"| {direction} | `{tensor.name}` | {tensor.datatype} | {list(tensor.dims)} | {tensor.axes} "
            f"| {', '.join(tensor.channels)} | {low:g} to {high:g} | {tensor.meaning} |"
        )
