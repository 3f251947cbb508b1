"""The testing kit runs where only the client is installed."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys

for absent in ("cv2", "openvino", "skimage", "torch", "matplotlib", "pandas", "pydantic", "wrinkle_server"):
    sys.modules[absent] = None
from wrinkle_client import Client
from wrinkle_client.testing import FakeServer, make_result

with FakeServer() as server:
    for url in (server.http_url, server.grpc_url):
        with Client(url) as client:
            result = client.segment(make_result().photo, skin_mask=True, geometry=True)
            assert result == make_result(skin_mask=True, geometry=True)
result.overlay()
result.contours()
result.to_rle()
print("whole")
"""


def test_no_library_of_the_server_is_needed() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("whole\n", "")
