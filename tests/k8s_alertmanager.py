"""Alertmanager: takes alerts and keeps them for a test to read; it notifies nobody."""

from __future__ import annotations

from pathlib import Path

import yaml

from k8s_daemon import HOST, Daemon

__all__ = ["Alertmanager"]


class Alertmanager(Daemon):
    """Debian's, on a free port."""

    def __init__(self, folder: Path) -> None:
        super().__init__("prometheus-alertmanager", folder)

    def arguments(self) -> list[str]:
        """Write a route to a receiver that does nothing."""
        config = self.folder / "alertmanager.yaml"
        route = {"receiver": "nobody", "group_wait": "0s"}
        config.write_text(yaml.safe_dump({"route": route, "receivers": [{"name": "nobody"}]}), encoding="utf-8")
        return [
            f"--config.file={config}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            "--cluster.listen-address=",
        ]

    def active(self) -> list[dict[str, str]]:
        """Return the labels of every alert that is active now."""
        return [alert["labels"] for alert in self.get("/api/v2/alerts", active="true")]

    def names(self) -> set[str]:
        """Return the names of the alerts that are active now."""
        return {labels["alertname"] for labels in self.active()}
