"""Which layers of a network keep FP32 when the rest runs in BF16.

BF16 has 8 significant bits. A wrinkle is a few grey levels on skin of a large, constant value, and the first layers
carry both in one number: rounding them rounds the wrinkle away. Once the picture has been reduced a few times, what is
left is contrast alone and BF16 does no harm. So every layer before the picture has been reduced 16 times keeps FP32;
the decoder, which costs most, does not.

An ONNX file has no place for this; an IR has, one attribute per layer, which the CPU plugin reads as "keep the original
precision".

Source: OpenVINO, ``ov::DisablePrecisionConversion`` (transformations/rt_info/disable_precision_conversion.hpp) and
``intel_cpu/src/node.cpp``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

__all__ = ["ENOUGH", "keep_in_fp32", "shallow_layers"]

ENOUGH: Final = 16  # times; measured with both shipped networks
_CONVOLUTIONS: Final = frozenset({"Convolution", "GroupConvolution"})
_ATTRIBUTE: Final = {"name": "DisablePrecisionConversion", "version": "0", "value": "dynamic:f16"}


def shallow_layers(model: Any, input_px: int, reduced_times: int = ENOUGH) -> frozenset[str]:
    """Return the names of the layers that come before the picture has been reduced so many times.

    Args:
        model: ``openvino.Model`` with INPUT [N, C, S, S].
        input_px: S.
        reduced_times: A side of S / 16 is reduced 16 times; 1 returns only what prepares the first convolution.

    Returns:
        Every layer that the first convolution with so small an answer needs, constants left out. Where the network
        never reduces its picture so far, its smallest answer counts. Empty without convolutions of a known size.
    """
    convolutions = [node for node in model.get_ordered_ops() if node.get_type_name() in _CONVOLUTIONS]
    sides_px = [_side_px(node) for node in convolutions]
    known = [side for side in sides_px if side is not None]
    if not known:
        return frozenset()
    limit_px = max(input_px // reduced_times, min(known))
    first = next(
        node for node, side in zip(convolutions, sides_px, strict=True) if side is not None and side <= limit_px
    )
    return frozenset(found.get_friendly_name() for found in _needed_by(first))


def keep_in_fp32(ir_path: Path, layers: frozenset[str]) -> None:
    """Mark layers of an IR so that a BF16 or FP16 hint leaves them alone; the file is replaced at once.

    Args:
        ir_path: ``model.xml``.
        layers: Their names.
    """
    tree = ElementTree.parse(ir_path)
    for layer in tree.getroot().iterfind("./layers/layer"):
        if layer.get("name") in layers:
            info = layer.find("rt_info")
            if info is None:
                info = ElementTree.Element("rt_info")
                layer.insert(1 if layer.find("data") is not None else 0, info)
            ElementTree.SubElement(info, "attribute", _ATTRIBUTE)
    partial = ir_path.with_name(f".{ir_path.name}.partial")
    tree.write(partial, encoding="utf-8", xml_declaration=True)
    os.replace(partial, ir_path)


def _side_px(node: Any) -> int | None:
    side = node.output(0).get_partial_shape()[2]
    return int(side.get_length()) if side.is_static else None


def _needed_by(node: Any) -> list[Any]:
    found: dict[str, Any] = {}
    waiting = [value.get_source_output().get_node() for value in node.inputs()]
    while waiting:
        one = waiting.pop()
        name = one.get_friendly_name()
        if name in found or one.get_type_name() == "Constant":
            continue
        found[name] = one
        waiting.extend(value.get_source_output().get_node() for value in one.inputs())
    return list(found.values())
