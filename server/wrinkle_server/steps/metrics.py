"""The steps' own counters, on Triton's metrics page beside Triton's.

Labels are bounded: the model, and codes that this package defines. Never an instance or a process: on Triton 2.51 the
instances of a model share a counter that has equal labels, it goes on through a reload or the death of a step, and a
counter once made is never removed, so that a process id as a label would add a line at every reload.

Source: Triton python_backend README.md, "Custom Metrics"; sharing and life time seen on Triton 2.51.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wrinkle_core.errors import ContractError, InvalidInputError, OverloadedError, ServerFaultError, error_codes
from wrinkle_server.steps.backend import triton

__all__ = ["Counter", "capture_warnings", "faces_found", "failed_requests"]

# What a request can meet in a step; the other codes are of the client and of commands.
_FAILURES: Final = tuple(
    code
    for code, error in error_codes().items()
    if issubclass(error, InvalidInputError | ContractError | OverloadedError | ServerFaultError)
)


class Counter:
    """One Prometheus counter with one label beside the model."""

    def __init__(self, name: str, help_text: str, model: str, label: str = "", values: tuple[str, ...] = ()) -> None:
        """Register with Triton.

        Args:
            name: As Prometheus has it, ending in ``_total``.
            help_text: One sentence for a person.
            model: The Triton model.
            label: Name of the second label; empty for none.
            values: Its values that are shown from the start, at 0: a rate needs a value before the first event.
        """
        pb_utils = triton()
        self._family = pb_utils.MetricFamily(name=name, description=help_text, kind=pb_utils.MetricFamily.COUNTER)
        self._model = model
        self._label = label
        self._counters: dict[str, Any] = {value: self._new(value) for value in (values if label else ("",))}

    def count(self, value: str = "") -> None:
        """Add 1 for ``value`` of the second label; costs a tenth of a millisecond."""
        if value not in self._counters:
            self._counters[value] = self._new(value)
        self._counters[value].increment(1)

    def _new(self, value: str) -> Any:
        labels: Mapping[str, str] = {"model": self._model} | ({self._label: value} if self._label else {})
        return self._family.Metric(labels=labels)


def failed_requests(model: str) -> Counter:
    """Return the counter of requests that a step answered with an error, by code."""
    return Counter(
        "wrinkle_failed_requests_total",
        "Requests that this step answered with an error, by the error's code: NO_FACE, OVERLOADED, INVALID_IMAGE, ...",
        model,
        "code",
        _FAILURES,
    )


def faces_found(model: str) -> Counter:
    """Return the counter of photographs in which a face was found."""
    return Counter("wrinkle_faces_found_total", "Photographs in which a face was found and prepared.", model)


def capture_warnings(model: str) -> Counter:
    """Return the counter of capture warnings, by the warning's code."""
    return Counter(
        "wrinkle_capture_warnings_total",
        "Warnings about how a photograph was taken, by code; one photograph may have several.",
        model,
        "warning",
    )
