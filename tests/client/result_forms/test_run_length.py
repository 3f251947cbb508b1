"""pycocotools, the reference of COCO's encoding, reads what we write and writes the same."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from pycocotools import mask as coco

from wrinkle_client.result_forms.run_length import encode
from wrinkle_client.testing import make_result

Mask = NDArray[np.uint8]


@settings(max_examples=200)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.integers(0, 1)))
def test_a_mask_is_encoded_as_pycocotools_does_it(mask: Mask) -> None:
    ours, theirs = encode(mask), coco.encode(np.asfortranarray(mask))
    assert ours["size"] == list(theirs["size"])
    assert ours["counts"] == theirs["counts"].decode()


@pytest.mark.parametrize("value", [0, 1])
def test_long_runs_take_several_characters(value: int) -> None:
    mask = np.full((3000, 2000), value, np.uint8)
    mask[1500, 1000] = 1 - value
    np.testing.assert_array_equal(coco.decode(encode(mask)), mask)


def test_a_result_s_encoding_survives_json_and_decodes_to_its_mask() -> None:
    result = make_result()
    decoded = coco.decode(json.loads(json.dumps(result.to_rle())))
    np.testing.assert_array_equal(decoded, result.mask)
    assert decoded.any()
