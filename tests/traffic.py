"""Open-loop load in a process of its own: requests leave on time whatever the server does, as strangers' requests do.

Run as a script it writes one JSON document; ``generate`` does that from a test.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from wrinkle_client.failures import HTTP_CODES, wire_failure

_LENGTH_HEADER = "Inference-Header-Content-Length"


@dataclass(frozen=True)
class Sample:
    """One request: when it left, how long until its answer, and what that was.

    Attributes:
        sent_s: Seconds after the start.
        seconds: Until the whole answer had come.
        outcome: ``answered``, the code of the error that the SDK would raise, or ``untyped: …``.
        mask: Hash of the mask, empty unless answered.
    """

    sent_s: float
    seconds: float
    outcome: str
    mask: str = ""


@dataclass(frozen=True)
class Traffic:
    """What one generator saw."""

    samples: tuple[Sample, ...]
    wall_s: float
    generator_cpu_s: float

    def outcomes(self) -> Counter[str]:
        """Count the outcomes."""
        return Counter(sample.outcome for sample in self.samples)

    def seconds(self, outcome: str = "answered") -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the durations of the requests that ended so."""
        return np.array([sample.seconds for sample in self.samples if sample.outcome == outcome])


@dataclass(frozen=True)
class Generator:
    """A generator at work, and the file it will write."""

    process: subprocess.Popen[bytes]
    out: Path

    def at_work(self) -> bool:
        """Return whether requests or answers are still to come."""
        return self.process.poll() is None

    def send_no_more(self) -> None:
        """Have it wait for the answers to what has left, and end."""
        self.process.terminate()

    def finish(self) -> Traffic:
        """Wait for its end and return what it saw."""
        assert self.process.wait(600) == 0
        document = json.loads(self.out.read_text(encoding="utf-8"))
        samples = tuple(Sample(**sample) for sample in document.pop("samples"))
        return Traffic(samples, **document)


def generate(
    url: str, model: str, photo: Path, out: Path, *, rate_hz: float, duration_s: float, timeout_s: float
) -> Generator:
    """Start a generator that writes to the file ``out``; requests leave at equal intervals."""
    sent_s = [number / rate_hz for number in range(int(rate_hz * duration_s))]
    return generate_at(sent_s, [url], model, photo, out, timeout_s=timeout_s)


def generate_at(
    sent_s: Sequence[float], urls: Sequence[str], model: str, photo: Path, out: Path, *, timeout_s: float
) -> Generator:
    """Start a generator whose requests leave at given times, each to the server with the fewest in flight.

    Args:
        sent_s: When requests leave, ascending, in seconds after the start.
        urls: The servers.
        model: The ensemble that is asked.
        photo: What is sent.
        out: The file that the generator writes.
        timeout_s: For one request.
    """
    times = out.with_suffix(".times.json")
    times.write_text(json.dumps(list(sent_s)), encoding="utf-8")
    command = [sys.executable, __file__, ",".join(urls), model, str(photo), str(out), str(times)]
    return Generator(subprocess.Popen([*command, "--timeout-s", str(timeout_s)]), out)


def _outcome(status: int, headers: Any, body: bytes) -> tuple[str, str]:
    if status == 200:
        length = int(headers[_LENGTH_HEADER])
        start = length
        for output in json.loads(body[:length])["outputs"]:
            end = start + int(output["parameters"]["binary_data_size"])
            if output["name"] == "MASK_PNG":
                return "answered", hashlib.sha256(body[start:end]).hexdigest()
            start = end
        return "untyped: no mask", ""
    code = HTTP_CODES.get(status, "UNKNOWN")
    return wire_failure(code, body.decode("utf-8", "replace"), url="", answered=True).code, ""


async def _one(session: aiohttp.ClientSession, target: str, photo: bytes, began_s: float) -> Sample:
    sent_s = time.perf_counter()
    try:
        async with session.post(target, data=photo) as response:
            outcome, mask = _outcome(response.status, response.headers, await response.read())
    except asyncio.TimeoutError:
        outcome, mask = "untyped: no answer in time", ""
    except aiohttp.ClientError as error:
        outcome, mask = f"untyped: {type(error).__name__}", ""
    return Sample(sent_s - began_s, time.perf_counter() - sent_s, outcome, mask)


async def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    photo = arguments.photo.read_bytes()
    in_flight = Counter({f"{url}/v2/models/{arguments.model}/infer": 0 for url in arguments.urls.split(",")})

    async def to_the_least_busy(began_s: float) -> Sample:
        target = min(in_flight, key=in_flight.__getitem__)
        in_flight[target] += 1
        try:
            return await _one(session, target, photo, began_s)
        finally:
            in_flight[target] -= 1

    headers = {"Content-Type": "application/octet-stream", _LENGTH_HEADER: "0"}
    timeout = aiohttp.ClientTimeout(total=arguments.timeout_s)
    enough = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, enough.set)
    began_s, began_cpu_s = time.perf_counter(), time.process_time()  # the program's own start is no load
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers=headers, timeout=timeout
    ) as session:
        tasks = []
        for sent_s in json.loads(arguments.times.read_text(encoding="utf-8")):
            await asyncio.sleep(max(0.0, began_s + sent_s - time.perf_counter()))
            if enough.is_set():
                break
            tasks.append(asyncio.create_task(to_the_least_busy(began_s)))
        samples = await asyncio.gather(*tasks)
    return {
        "samples": [asdict(sample) for sample in samples],
        "wall_s": time.perf_counter() - began_s,
        "generator_cpu_s": time.process_time() - began_cpu_s,
    }


def _main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("urls")
    parser.add_argument("model")
    parser.add_argument("photo", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("times", type=Path)
    parser.add_argument("--timeout-s", type=float, required=True)
    arguments = parser.parse_args(words)
    arguments.out.write_text(json.dumps(asyncio.run(_run(arguments))), encoding="utf-8")


if __name__ == "__main__":
    _main(sys.argv[1:])
