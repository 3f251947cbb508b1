from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from wrinkle_core.errors import ArtifactError, ContractError
from wrinkle_core.inference import OnnxSegmenter

SIDE = 512


@pytest.fixture(scope="module")
def segmenter(dark_line_networks: dict[str, Path]) -> OnnxSegmenter:
    return OnnxSegmenter(dark_line_networks["unetpp"], threads=1, precision="f32")


@pytest.fixture
def faces() -> NDArray[np.uint8]:
    faces = np.random.default_rng(0).integers(100, 200, (3, 3, SIDE, SIDE), dtype=np.uint8)
    faces[1, :, 200] = 20
    return faces


def test_a_dark_line_is_found_where_it_is(segmenter: OnnxSegmenter, faces: NDArray[np.uint8]) -> None:
    probability = segmenter.infer(faces[1:2])
    assert probability.shape == (1, SIDE, SIDE)
    assert probability.dtype == np.uint8
    assert probability[0, 200].min() > probability[0, 100].mean() + 100


def test_a_batch_gives_what_its_members_give(segmenter: OnnxSegmenter, faces: NDArray[np.uint8]) -> None:
    single = np.concatenate([segmenter.infer(face[np.newaxis]) for face in faces])
    assert np.abs(segmenter.infer(faces).astype(int) - single.astype(int)).max() <= 1


@pytest.mark.parametrize(("threads", "side_by_side"), [(2, 2), (2, 8), (3, 2)])
def test_a_batch_side_by_side_gives_what_its_members_give(
    threads: int, side_by_side: int, dark_line_networks: dict[str, Path], faces: NDArray[np.uint8]
) -> None:
    segmenter = OnnxSegmenter(dark_line_networks["unetpp"], threads=threads, precision="f32", side_by_side=side_by_side)
    single = np.concatenate([segmenter.infer(face[np.newaxis]) for face in faces])
    together = segmenter.infer(faces)
    assert np.abs(together.astype(int) - single.astype(int)).max() <= 1
    segmenter.infer(faces[::-1])
    assert np.abs(together.astype(int) - single.astype(int)).max() <= 1


def test_an_answer_survives_the_next_inference(segmenter: OnnxSegmenter, faces: NDArray[np.uint8]) -> None:
    first = segmenter.infer(faces[:1])
    kept = first.copy()
    segmenter.infer(faces[1:2])
    assert_array_equal(first, kept)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((1, 4, SIDE, SIDE), np.uint8),
        np.zeros((1, 3, SIDE, SIDE - 1), np.uint8),
        np.zeros((3, SIDE, SIDE), np.uint8),
        np.zeros((1, 3, SIDE, SIDE), np.float32),
    ],
    ids=["channels", "size", "rank", "dtype"],
)
def test_an_input_of_another_shape_or_dtype_is_refused(segmenter: OnnxSegmenter, wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(ContractError, match="INPUT must be"):
        segmenter.infer(wrong)


def test_a_file_that_is_no_network_is_refused_without_its_path(tmp_path: Path) -> None:
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(ArtifactError) as caught:
        OnnxSegmenter(broken)
    assert str(tmp_path) not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError):
        OnnxSegmenter(tmp_path / "gone.onnx")


@pytest.mark.parametrize(("old", "new"), [("INPUT", "image"), ("PROBABILITY", "mask")])
def test_a_network_with_other_ports_is_refused(
    dark_line_networks: dict[str, Path], tmp_path: Path, old: str, new: str
) -> None:
    network = onnx.load(dark_line_networks["unetpp"])
    for value in (*network.graph.input, *network.graph.output):
        value.name = value.name.replace(old, new)
    for node in network.graph.node:
        for names in (node.input, node.output):
            names[:] = [name.replace(old, new) for name in names]
    onnx.save(network, tmp_path / "other.onnx")
    with pytest.raises(ArtifactError, match="must have one input INPUT"):
        OnnxSegmenter(tmp_path / "other.onnx")
