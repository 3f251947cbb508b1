from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from encoded_images import FILES
from wrinkle_core.decode import DecodeLimits, decode_image
from wrinkle_core.errors import (
    WrinkleError,
)

MAGICS = [data[:length] for data in FILES.values() for length in (0, 4, 12, 40)]


@given(start=st.sampled_from(MAGICS), rest=st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
@example(start=b"", rest=b"\x89PNG")
@example(start=b"RIFF", rest=b"")
def test_random_bytes_only_ever_raise_typed_errors(start: bytes, rest: bytes) -> None:
    with pytest.raises(WrinkleError) as caught:
        decode_image(start + rest)
    assert "send" in str(caught.value)


@given(name=st.sampled_from(sorted(FILES)), data=st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_files_decode_or_raise_typed_errors(name: str, data: st.DataObject) -> None:
    damaged = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 8), label="flips")):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.integers(0, len(damaged)) | st.just(len(damaged)), label="cut")
    outcome: NDArray[np.uint8] | str
    try:
        outcome = decode_image(bytes(damaged[:cut]), DecodeLimits(max_pixels=1_000_000))
    except WrinkleError as error:
        outcome = str(error)
    assert "send" in outcome or "save" in outcome if isinstance(outcome, str) else outcome.ndim == 3
