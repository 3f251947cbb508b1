"""The supervisor's log is JSON where nobody reads along, and never the reason for an error."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from wrinkle_server.supervision.log_format import configure_logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    logging.getLogger("wrinkle").handlers = []


def test_events_are_json_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    structlog.get_logger("wrinkle.test").warning("loading model anew", model="unetpp", reason="dead")
    captured = capsys.readouterr()
    line = json.loads(captured.err)
    assert captured.out == ""
    assert (line["event"], line["model"], line["level"]) == ("loading model anew", "unetpp", "warning")
    assert line["timestamp"].endswith("Z")


def test_nobody_reading_is_no_reason_to_stop() -> None:
    program = (
        "import os, structlog\n"
        "from wrinkle_server.supervision.log_format import configure_logs\n"
        "configure_logs()\n"
        "reader, writer = os.pipe()\n"
        "os.dup2(writer, 2); os.close(reader); os.close(writer)\n"
        "structlog.get_logger('wrinkle.test').error('into the void')\n"
        "print('going on')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=False)
    assert done.stdout == "going on\n"
