"""For how long the Python steps of a server have had nothing to do."""

from __future__ import annotations

import time
from pathlib import Path

from wrinkle_server.steps.activity import read_activities

__all__ = ["IdleSteps"]


class IdleSteps:
    """Looks at what the steps tell of themselves; a call that began and ended between two looks counts as well."""

    def __init__(self, run_folder: Path) -> None:
        self._run_folder = run_folder
        self._completed: dict[int, int] = {}
        self._busy_s = time.monotonic()

    def idle_s(self) -> float:
        """Return for how long no step was seen at work, in seconds."""
        activities = read_activities(self._run_folder)
        completed = {activity.pid: activity.completed for activity in activities}
        if completed != self._completed or any(activity.busy_since_ns for activity in activities):
            self._completed, self._busy_s = completed, time.monotonic()
        return time.monotonic() - self._busy_s
