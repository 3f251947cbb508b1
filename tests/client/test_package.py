"""What importing the package costs and gives."""

from __future__ import annotations

import subprocess
import sys

import pytest

import wrinkle_client
from wrinkle_core import errors

HEAVY = ("torch", "openvino", "cv2", "matplotlib", "skimage", "PIL", "tritonclient", "grpc", "gevent", "typer", "rich")


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_every_public_name_is_there_once_and_sorted() -> None:
    names = wrinkle_client.__all__
    assert all(hasattr(wrinkle_client, name) for name in names)
    assert sorted(names, key=lambda name: (not name.isupper(), name)) == names
    assert len(set(names)) == len(names)


def test_every_error_class_is_public_and_carries_its_code() -> None:
    for code, error in errors.error_codes().items():
        assert getattr(wrinkle_client, error.__name__) is error
        assert error.code == code
        assert issubclass(error, wrinkle_client.WrinkleError)


def test_importing_loads_nothing_heavy() -> None:
    loaded = run_python("import sys, wrinkle_client; print(*{name.partition('.')[0] for name in sys.modules})").split()
    assert set(HEAVY).isdisjoint(loaded)


def test_listing_the_commands_loads_nothing_heavy() -> None:
    code = (
        "import sys\nsys.argv = ['wrinkle', '--help']\nfrom wrinkle_client import cli\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    assert {"torch", "openvino", "cv2", "PIL", "tritonclient"}.isdisjoint(run_python(code).splitlines()[-1].split())


def test_importing_takes_at_most_150_ms_beyond_numpy() -> None:
    code = "import time, numpy\nstart = time.process_time()\nimport wrinkle_client\nprint(time.process_time() - start)"
    assert min(float(run_python(code)) for _ in range(3)) < 0.150


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_client_of_one_protocol_does_not_load_the_other(protocol: str) -> None:
    code = f"import sys, wrinkle_client\nwrinkle_client.Client('{protocol}://localhost')\nprint(*sys.modules)"
    other = {"http": "tritonclient.grpc", "grpc": "tritonclient.http"}[protocol]
    assert other not in run_python(code).split()


def test_an_application_s_output_is_its_own() -> None:
    """Neither retries nor warnings of the client show where the application has set up no logging."""
    code = (
        "import logging\nfrom wrinkle_client import Client, OverloadedError, RetryPolicy\n"
        "from wrinkle_client.testing import FakeServer, make_result\n"
        "logging.getLogger('wrinkle_client').warning('nobody asked')\n"
        "with FakeServer() as server, Client(server.http_url, retry=RetryPolicy(wait_max_s=0.01)) as client:\n"
        "    server.fail_next(OverloadedError('The queue is full.'), times=2)\n"
        "    print(client.segment(make_result().photo).timings.attempts)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("3\n", "")
