"""Whether a server serves, found out from outside: for probes, and for a Triton that no supervisor watches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.errors import OverloadedError, WrinkleError
from wrinkle_server.supervision.canary import Canary
from wrinkle_server.triton.admin_api import AdminApi

__all__ = ["Finding", "deep_check"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One model or ensemble: whether it serves, and how that was found out."""

    name: str
    serves: bool
    found: str


def deep_check(
    admin: AdminApi, segmenters: Iterable[SegmenterContract], *, idle_s: float, timeout_s: float
) -> tuple[Finding, ...]:
    """Return one finding per step and per ensemble.

    Args:
        admin: The server; no secret is needed.
        segmenters: Whose ensembles are looked at.
        idle_s: An ensemble that answered somebody within this time is believed; another one gets the canary.
        timeout_s: Longest wait for a canary.

    Raises:
        ServerUnreachableError: Nothing answers.
    """
    specs = tuple(segmenters)
    steps = sorted({name for spec in specs for name in (spec.preprocessor, spec.name)} | {"threshold"})
    ready = {name: admin.model_ready(name) for name in steps}
    findings = [Finding(name, good, "ready" if good else "not ready") for name, good in ready.items()]
    return (*findings, *(_ensemble(admin, spec, idle_s, timeout_s) for spec in specs))


def _ensemble(admin: AdminApi, spec: SegmenterContract, idle_s: float, timeout_s: float) -> Finding:
    try:
        answered_ago_s = admin.idle_s(spec.ensemble)
        if answered_ago_s < idle_s:
            return Finding(spec.ensemble, True, f"answered {answered_ago_s:.0f} s ago")
        Canary(spec).check(admin, timeout_s)
    except OverloadedError:
        return Finding(spec.ensemble, True, "busy: refuses more work")
    except WrinkleError as error:
        return Finding(spec.ensemble, False, str(error))
    return Finding(spec.ensemble, True, "answered the canary")
