"""The rules: checked by promtool, each with a test of its own, each alert with an entry in the runbook."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart_checks.matrix import of_kind
from chart_checks.rendering import CHART
from chart_checks.tools import ROOT

pytestmark = [pytest.mark.needs("npm"), pytest.mark.needs("promtool")]

RULES = CHART / "files" / "rules"
TESTS = Path(__file__).with_name("promtool")
DASHBOARD = json.loads((CHART / "files/dashboards/wrinkle-serving.json").read_bytes())
EVERY_RELEASE = '{wrinkle_release=~".+"'


def rules(file: str) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load((RULES / file).read_bytes())["groups"] for rule in group["rules"]]


RECORDS, ALERTS = rules("recording.yaml"), rules("alerts.yaml")


def promtool(*words: str) -> None:
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_are_sound() -> None:
    promtool("check", "rules", *(str(file) for file in sorted(RULES.glob("*.yaml"))))


@pytest.mark.parametrize("file", sorted(TESTS.glob("*_test.yaml")), ids=lambda file: file.stem)
def test_rules_give_what_was_worked_out_by_hand(file: Path) -> None:
    promtool("test", "rules", str(file))


def test_every_recording_rule_has_a_test_with_a_value() -> None:
    cases = yaml.safe_load((TESTS / "recording_test.yaml").read_bytes())["tests"]
    asked = {
        name
        for case in cases
        for one in case["promql_expr_test"]
        if one["exp_samples"]
        for name in re.findall(r"wrinkle:\w+:\w+", one["expr"])
    }
    assert {rule["record"] for rule in RECORDS} - asked == set()


def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    cases = yaml.safe_load((TESTS / "alerts_test.yaml").read_bytes())["tests"]
    asked = [one for case in cases for one in case["alert_rule_test"]]
    names = {rule["alert"] for rule in ALERTS}
    assert {one["alertname"] for one in asked if one["exp_alerts"]} == names
    assert {one["alertname"] for one in asked if not one["exp_alerts"]} == names


def test_every_alert_has_a_runbook_entry() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/runbook.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [rule["alert"] for rule in ALERTS]
    for rule in ALERTS:
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("critical", "warning", "info")


def test_every_selector_of_the_files_can_be_narrowed_to_a_release() -> None:
    for rule in (*RECORDS, *ALERTS):
        selectors = re.findall(r"(?<![\w:])([a-zA-Z_:][\w:]*)(\{[^}]*\})", rule["expr"])
        assert selectors
        assert all(labels.startswith(EVERY_RELEASE) for _, labels in selectors), rule["expr"]
        bare = re.findall(r"\b(?:nv_\w+|wrinkle[_:][\w:]+|up)\b(?![\w:{])", re.sub(r"\{[^}]*\}", "{}", rule["expr"]))
        assert set(bare) <= {"wrinkle_release"}, rule["expr"]


@pytest.mark.parametrize("name", ["cpu", "everything"])
def test_rendered_rules_are_the_files_narrowed_to_the_release(name: str, tmp_path: Path) -> None:
    (rule,) = of_kind(name, "PrometheusRule")
    found = [one for group in rule["spec"]["groups"] for one in group["rules"]]
    own = '{namespace="faces",wrinkle_release="wrinkle"'
    assert [one["expr"] for one in found] == [one["expr"].replace(EVERY_RELEASE, own) for one in (*RECORDS, *ALERTS)]
    base = "https://docs.example.com/runbook" if name == "everything" else "docs/runbook.md"
    assert all(one["annotations"]["runbook_url"].startswith(f"{base}#") for one in found if "alert" in one)
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rule["spec"]), encoding="utf-8")
    promtool("check", "rules", str(tmp_path / "rules.yaml"))


def test_dashboard_asks_sound_questions_of_known_recordings(tmp_path: Path) -> None:
    queries = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    assert len(queries) > 15
    assert all('namespace="$namespace",wrinkle_release="$release"' in query for query in queries)
    used = {name for query in queries for name in re.findall(r"wrinkle:\w+:\w+", query)}
    assert used <= {rule["record"] for rule in RECORDS}
    made = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "dashboard.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": made}]}), encoding="utf-8")
    promtool("check", "rules", str(file))


def test_dashboard_panels_do_not_overlap() -> None:
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for box in [panel["gridPos"]]
        for x in range(box["x"], box["x"] + box["w"])
        for y in range(box["y"], box["y"] + box["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("name", ["cpu", "everything"])
def test_dashboard_is_shipped_as_it_is(name: str) -> None:
    (shipped,) = [one for one in of_kind(name, "ConfigMap") if one["metadata"]["name"].endswith("-dashboard")]
    assert json.loads(shipped["data"]["wrinkle-serving.json"]) == DASHBOARD
    assert shipped["metadata"]["labels"]["grafana_dashboard"] == "1"
