from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from wrinkle_core.errors import ArtifactError
from wrinkle_core.parity_limits import PARITY_LIMITS
from wrinkle_export.artifacts.build_folder import BuildFolder, Draft
from wrinkle_export.graph.network_source import NetworkSource
from wrinkle_export.graph.onnx_artifact import export_onnx
from wrinkle_export.parity.compare import compare, difference
from wrinkle_export.parity.gate import NetworkVerdict, reference_of, verify
from wrinkle_export.parity.pictures import Pictures
from wrinkle_export.parity.runners import Answer
from wrinkle_train.networks.deployable import Normalise

FP32_ONLY = ("onnx-fp32",)
Tamper = Callable[[onnx.ModelProto], onnx.ModelProto]
Publish = Callable[[Tamper], None]


def change_one_weight(model: onnx.ModelProto) -> onnx.ModelProto:
    weight = next(one for one in model.graph.initializer if len(one.dims) == 4)
    values = numpy_helper.to_array(weight).copy()
    values.flat[0] += 0.5
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    return model


def swap_normalisation(model: onnx.ModelProto) -> onnx.ModelProto:
    """Pixels are shifted and scaled as ImageNet wants it, not to [-1, 1] as the network was trained."""
    named = {weight.name: weight for weight in model.graph.initializer}
    normalise = Normalise("imagenet", 3)
    for kind, wrong in (("Mul", normalise.scale), ("Add", normalise.offset)):
        node = next(node for node in model.graph.node if node.op_type == kind)
        weight = next(named[name] for name in node.input if name in named)
        weight.CopyFrom(numpy_helper.from_array(wrong.numpy(), weight.name))
    return model


def round_to_other_levels(model: onnx.ModelProto) -> onnx.ModelProto:
    """Probability is right, and written times 240 instead of 255."""
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.size == 1 and float(values.reshape(-1)[0]) == 255.0:
            weight.CopyFrom(numpy_helper.from_array(np.full_like(values, 240.0), weight.name))
    return model


def judged(
    build: BuildFolder, source: NetworkSource, pictures: Pictures, report: Path, only: tuple[str, ...] = FP32_ONLY
) -> NetworkVerdict:
    return verify(build, source, pictures, report, only=only)


def test_a_right_export_passes_and_the_manifest_says_so(
    tiny_build_with_ir: BuildFolder, tiny_source: NetworkSource, tiny_pictures: Pictures, tmp_path: Path
) -> None:
    verdict = judged(tiny_build_with_ir, tiny_source, tiny_pictures, tmp_path / "report", ("onnx-fp32", "openvino-f32"))
    assert verdict.passed
    assert [one.runtime for one in verdict.comparisons] == ["onnx-fp32", "openvino-f32"]
    assert all(one.figures["max_difference"] <= 1e-4 for one in verdict.comparisons)
    recorded = {record.runtime: record for record in tiny_build_with_ir.artifact("tiny/onnx-fp32").parity}
    assert recorded["onnx-fp32"].passed
    assert recorded["onnx-fp32"].data_sha256 == tiny_pictures.data_sha256
    assert not list((tmp_path / "report").rglob("case.json"))


@pytest.mark.parametrize("tamper", [change_one_weight, swap_normalisation, round_to_other_levels])
def test_a_wrong_graph_fails_and_its_script_shows_the_difference_again(
    tamper: Tamper,
    publish_wrong_onnx: Publish,
    tiny_build: BuildFolder,
    tiny_source: NetworkSource,
    tiny_pictures: Pictures,
    tmp_path: Path,
) -> None:
    publish_wrong_onnx(tamper)
    verdict = judged(tiny_build, tiny_source, tiny_pictures, tmp_path / "report")
    assert not verdict.passed
    assert not tiny_build.artifact("tiny/onnx-fp32").parity[-1].passed
    script = verdict.cases[0] / "reproduce.py"
    shown = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert shown.returncode == 1, shown.stderr
    assert "still there" in shown.stdout
    assert cv2.imread(str(verdict.cases[0] / "difference.png")) is not None
    assert "faces" in (tmp_path / "report" / "THESE-ARE-FACES.txt").read_text()


def test_the_script_says_that_a_difference_is_gone_when_the_artifact_is_right(
    publish_wrong_onnx: Publish,
    exported_tiny: Path,
    tiny_build: BuildFolder,
    tiny_source: NetworkSource,
    tiny_pictures: Pictures,
    tmp_path: Path,
) -> None:
    publish_wrong_onnx(change_one_weight)
    case = judged(tiny_build, tiny_source, tiny_pictures, tmp_path / "report").cases[0]
    good = BuildFolder(exported_tiny)
    right = good.checked_files(good.artifact("tiny/onnx-fp32"))[0]
    shown = subprocess.run(
        [sys.executable, case / "reproduce.py", right], capture_output=True, text=True, timeout=120, check=False
    )
    assert shown.returncode == 0, shown.stderr


def test_a_passing_run_removes_the_cases_of_the_failing_one_before(
    publish_wrong_onnx: Publish,
    exported_tiny: Path,
    tiny_build: BuildFolder,
    tiny_source: NetworkSource,
    tiny_pictures: Pictures,
    tmp_path: Path,
) -> None:
    publish_wrong_onnx(change_one_weight)
    assert judged(tiny_build, tiny_source, tiny_pictures, tmp_path / "report").cases
    assert judged(BuildFolder(exported_tiny), tiny_source, tiny_pictures, tmp_path / "report").passed
    assert not list((tmp_path / "report").rglob("case.npz"))


def test_changed_bytes_are_refused_before_anything_runs(
    tiny_build_with_ir: BuildFolder, tiny_source: NetworkSource, tiny_pictures: Pictures, tmp_path: Path
) -> None:
    path = tiny_build_with_ir.checked_files(tiny_build_with_ir.artifact("tiny/openvino-fp32"))[1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    compared: list[str] = []
    with pytest.raises(ArtifactError, match="not those that were exported"):
        verify(
            tiny_build_with_ir,
            tiny_source,
            tiny_pictures,
            tmp_path / "report",
            on_comparison=lambda one: compared.append(one.runtime),
        )
    assert not compared


def test_artifacts_of_different_weights_are_refused(
    tiny_build: BuildFolder, tiny_source: NetworkSource, tiny_pictures: Pictures, tmp_path: Path
) -> None:
    old = tiny_build.artifact("tiny/onnx-fp16")
    path = tiny_build.checked_files(old)[0]
    source = replace(tiny_source, checkpoint=None, random_seed=1).record()
    draft = Draft(old.name, "model.onnx", "onnx", "fp16", old.key, source, old.ports, old.tools, old.opset)

    def make(folder: Path) -> tuple[()]:
        shutil.copyfile(path, folder / "model.onnx")
        return ()

    tiny_build.publish(draft, make)
    with pytest.raises(ArtifactError, match="different weights"):
        judged(tiny_build, tiny_source, tiny_pictures, tmp_path / "report")


def test_an_ir_whose_onnx_file_was_replaced_is_refused(
    tiny_build_with_ir: BuildFolder,
    publish_wrong_onnx: Publish,
    tiny_source: NetworkSource,
    tiny_pictures: Pictures,
    tmp_path: Path,
) -> None:
    publish_wrong_onnx(change_one_weight)
    with pytest.raises(ArtifactError, match="no longer here"):
        judged(tiny_build_with_ir, tiny_source, tiny_pictures, tmp_path / "report", ("openvino-f32",))


def test_a_run_that_compares_nothing_is_no_pass(
    tiny_build: BuildFolder, tiny_source: NetworkSource, tiny_pictures: Pictures, tmp_path: Path
) -> None:
    with pytest.raises(ArtifactError, match="Nothing of tiny can be compared"):
        judged(tiny_build, tiny_source, tiny_pictures, tmp_path / "report", ("openvino-int8",))


def test_another_checkpoint_is_refused(tiny_build: BuildFolder, tmp_path: Path) -> None:
    wrong = tmp_path / "model.safetensors"
    wrong.write_bytes(b"something else")
    with pytest.raises(ArtifactError, match="is not the checkpoint"):
        reference_of(tiny_build.artifact("tiny/onnx-fp32").source, wrong)


def test_random_weights_are_rebuilt_from_their_seed_and_compared_without_masks(
    tiny_source: NetworkSource, tiny_pictures: Pictures, tmp_path: Path
) -> None:
    build = BuildFolder(tmp_path / "build")
    drawn = replace(tiny_source, checkpoint=None, random_seed=7)
    export_onnx(drawn, build, ["fp32", "fp16", "fp16-storage"])
    reference = reference_of(build.artifact("tiny/onnx-fp32").source, None)
    verdict = verify(build, reference, tiny_pictures, tmp_path / "report")
    assert verdict.passed
    assert len(verdict.comparisons) == 3
    assert all("mask_iou" not in one.figures for one in verdict.comparisons)


def test_a_probability_that_is_none_counts_as_the_largest_difference(tiny_pictures: Pictures) -> None:
    levels = np.zeros((1, 64, 64), np.uint8)
    wanted = Answer.of(levels, np.zeros((1, 64, 64), np.float32))
    broken = Answer.of(levels, np.full((1, 64, 64), np.nan, np.float32))
    found = difference(tiny_pictures.used[0], wanted, broken, masks=False)
    comparison = compare("onnx-fp16", [found], PARITY_LIMITS["onnx-fp16"], is_exact=True)
    assert comparison.figures["max_difference"] == 1.0
    assert not comparison.passed


def test_few_photographs_may_lose_twice_as_much_and_no_more() -> None:
    limits = PARITY_LIMITS["openvino-bf16"]
    assert limits.mask_iou_over(10) == 0.99
    assert limits.mask_iou_over(9) == pytest.approx(0.98)


def test_every_runtime_that_is_compared_has_limits_no_looser_than_what_is_demanded() -> None:
    assert PARITY_LIMITS["onnx-fp32"].max_difference <= 1e-4
    for runtime in ("onnx-fp16", "onnx-fp16-storage", "openvino-bf16", "tensorrt-fp16", "live"):
        assert PARITY_LIMITS[runtime].min_mask_iou >= 0.99
        assert PARITY_LIMITS[runtime].max_f1_drop <= 0.002
    assert PARITY_LIMITS["openvino-int8"].max_f1_drop <= 0.01
