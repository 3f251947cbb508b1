"""Show again where one exported network differs from PyTorch.

``wrinkle export verify`` copies this file beside ``case.json`` and ``case.npz``. It needs numpy and the runtime at
fault, and nothing else: ``python reproduce.py [ARTIFACT or URL]``. Exit code 1: the difference is still there. 0: it is
gone.

The npz holds the picture of a face.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

_HERE = Path(__file__).resolve().parent
_SHOWN = "probability_unrounded"
_STILL_THERE = 0.9  # of the difference that was found


def main(arguments: list[str]) -> int:
    """Run the case again, tell then and now, and return the exit code."""
    case = json.loads((_HERE / "case.json").read_text(encoding="utf-8"))
    with np.load(_HERE / "case.npz") as saved:
        tensors = {name: saved[name] for name in saved.files}
    target = arguments[0] if arguments else case["target"]
    if case["engine"] == "live":
        levels = _ask_server(target, case["ensemble"], tensors["photograph"])
        probability = levels.astype(np.float32) / 255
    else:
        path = str((_HERE / target).resolve())
        run = _run_onnxruntime if case["engine"] == "onnxruntime" else _run_openvino
        probability, levels = run(path, tensors["network_input"], case["hint"])
    apart = np.abs(probability.reshape(tensors["probability"].shape).astype(np.float64) - tensors["probability"])
    largest = float(np.nan_to_num(apart, nan=1.0, posinf=1.0).max())
    steps = int(np.abs(levels.reshape(tensors["levels"].shape).astype(np.int16) - tensors["levels"]).max())
    cut = case["threshold_level"]
    crossed = int(((levels.reshape(tensors["levels"].shape) >= cut) != (tensors["levels"] >= cut)).sum())
    sys.stdout.write(
        f"{case['runtime']} on {case['picture']}, against PyTorch in FP32\n"
        f"largest difference of probability: {largest:.6f} now, {case['max_difference']:.6f} when it was found\n"
        f"largest difference of the uint8 output: {steps} now, {case['max_level_difference']} when it was found\n"
        f"pixels on the other side of the threshold: {crossed}\n"
    )
    there = largest >= _STILL_THERE * case["max_difference"] and steps >= _STILL_THERE * case["max_level_difference"]
    sys.stdout.write("The difference is still there.\n" if there else "The difference is gone.\n")
    return int(there)


def _run_onnxruntime(path: str, pixels: Any, _hint: str) -> tuple[Any, Any]:
    import onnx
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    model = onnx.load(path)
    names = ["PROBABILITY"]
    if any(_SHOWN in node.output for node in model.graph.node):
        model.graph.output.append(onnx.helper.make_tensor_value_info(_SHOWN, onnx.TensorProto.FLOAT, None))
        names.append(_SHOWN)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    levels, *shown = session.run(names, {"INPUT": pixels})
    return (shown[0] if shown else levels / np.float32(255)), levels


def _run_openvino(path: str, pixels: Any, hint: str) -> tuple[Any, Any]:
    import openvino

    core = openvino.Core()  # the only one of this process
    model = core.read_model(path)
    shown = any(_SHOWN in output.get_names() for node in model.get_ops() for output in node.outputs())
    if shown:
        model.add_outputs(_SHOWN)
    request = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": hint}).create_infer_request()
    request.infer({"INPUT": pixels})
    levels = np.array(request.get_tensor("PROBABILITY").data)
    return (np.array(request.get_tensor(_SHOWN).data) if shown else levels / np.float32(255)), levels


def _ask_server(url: str, ensemble: str, photograph: Any) -> Any:
    from io import BytesIO

    from PIL import Image

    scheme, _, address = url.partition("://")
    protocol = importlib.import_module(f"tritonclient.{scheme}")
    image = protocol.InferInput("IMAGE", [photograph.size], "UINT8")
    image.set_data_from_numpy(photograph)
    with protocol.InferenceServerClient(address.rstrip("/")) as client:
        answer = client.infer(ensemble, [image], parameters={"probability": True})
    return np.asarray(Image.open(BytesIO(answer.as_numpy("PROBABILITY_PNG").tobytes())))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
