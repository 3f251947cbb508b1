"""Prometheus: scrapes metrics pages, evaluates the rules it is given, and sends alerts to an Alertmanager."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from k8s_daemon import HOST, Daemon

__all__ = ["Prometheus", "Sample", "Target"]


@dataclass(frozen=True)
class Target:
    """One metrics page, with the labels that the Prometheus operator would give its series, ``job`` among them."""

    port: int
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Sample:
    """One series at one moment."""

    labels: Mapping[str, str]
    value: float


class Prometheus(Daemon):
    """Debian's, on a free port, with an empty database."""

    def __init__(
        self,
        folder: Path,
        targets: Sequence[Target],
        groups: Sequence[Mapping[str, Any]],
        *,
        alertmanager_port: int,
        interval_s: float,
    ) -> None:
        """Prepare.

        Args:
            folder: Made for it.
            targets: Scraped from the start.
            groups: Rule groups, as a rules file has them.
            alertmanager_port: Where alerts go.
            interval_s: Between two scrapes of a target, and of a group that says nothing else.
        """
        super().__init__("prometheus", folder)
        self.interval_s = interval_s
        self._targets = targets
        self._groups = groups
        self._alertmanager_port = alertmanager_port

    def arguments(self) -> list[str]:
        """Write configuration and rules."""
        config, rules = self.folder / "prometheus.yaml", self.folder / "rules.yaml"
        rules.write_text(yaml.safe_dump({"groups": [dict(group) for group in self._groups]}), encoding="utf-8")
        every = f"{round(1000 * self.interval_s)}ms"
        alertmanager = {"static_configs": [{"targets": [f"{HOST}:{self._alertmanager_port}"]}]}
        document = {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": [str(rules)],
            "alerting": {"alertmanagers": [alertmanager]},
            "scrape_configs": [
                self._scrape_config(job) for job in sorted({each.labels["job"] for each in self._targets})
            ],
        }
        config.write_text(yaml.safe_dump(document), encoding="utf-8")
        return [
            f"--config.file={config}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            "--log.level=warn",
        ]

    def query(self, expression: str, *, at_s: float | None = None) -> list[Sample]:
        """Return an instant query's series, at a Unix time or now."""
        moment = {} if at_s is None else {"time": f"{at_s:.3f}"}
        found = self.get("/api/v1/query", query=expression, **moment)
        assert not found.get("warnings"), found["warnings"]
        if found["data"]["resultType"] == "scalar":
            return [Sample({}, float(found["data"]["result"][1]))]
        return [Sample(series["metric"], float(series["value"][1])) for series in found["data"]["result"]]

    def value(self, expression: str, *, at_s: float | None = None) -> float | None:
        """Return the only value of a query, None where it has none."""
        found = self.query(expression, at_s=at_s)
        assert len(found) <= 1, f"{expression} has {len(found)} values"
        return found[0].value if found else None

    def rules(self) -> list[dict[str, Any]]:
        """Return every rule with its health and its last error."""
        return [rule for group in self.get("/api/v1/rules")["data"]["groups"] for rule in group["rules"]]

    def targets_up(self) -> int:
        """Return how many targets answered their last scrape."""
        return int(sum(sample.value for sample in self.query("up")))

    def _scrape_config(self, job: str) -> dict[str, Any]:
        own = [each for each in self._targets if each.labels["job"] == job]
        return {
            "job_name": job,
            "static_configs": [{"targets": [f"{HOST}:{each.port}"], "labels": dict(each.labels)} for each in own],
        }
