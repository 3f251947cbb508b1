"""What decoders say about damaged files reaches no log, and everything else still does."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from wrinkle_server.steps.quiet_decoders import quiet_decoders

DECODES_A_DAMAGED_TIFF = """
import io, sys
from PIL import Image
from wrinkle_core.decode import decode_image
from wrinkle_core.errors import WrinkleError
from wrinkle_server.steps.quiet_decoders import quiet_decoders

stream = io.BytesIO()
Image.new("RGB", (64, 64), (200, 90, 90)).save(stream, "TIFF", compression="tiff_lzw")
damaged = bytearray(stream.getvalue())
damaged[12:40] = b"\\xff" * 28
damaged[-40:] = b"\\x7f" * 40

def decode():
    try:
        decode_image(bytes(damaged))
    except WrinkleError:
        pass

if sys.argv[1] == "quiet":
    with quiet_decoders():
        decode()
else:
    decode()
print("afterwards", file=sys.stderr)
"""


def written_to_stderr(how: str) -> str:
    command = [sys.executable, "-c", DECODES_A_DAMAGED_TIFF, how]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stderr


def test_damaged_file_writes_nothing() -> None:
    assert written_to_stderr("quiet") == "afterwards\n"


def test_it_would_write_otherwise() -> None:
    assert len(written_to_stderr("aloud").splitlines()) > 1


def decode_loudly() -> None:
    with quiet_decoders():
        os.write(2, b"noise of a C library\n")
        warnings.warn("noise of Pillow", UserWarning, stacklevel=1)
        raise ValueError("damaged")


def test_errors_pass_and_standard_error_comes_back(capfd: pytest.CaptureFixture[str]) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ValueError, match="damaged"):
        decode_loudly()
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
    assert len(list(Path("/proc/self/fd").iterdir())) == before
