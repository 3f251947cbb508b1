"""The chart's rules on a real Prometheus that scrapes two real servers: what the autoscaler reads, and what alerts.

Not as in a cluster: addresses, static targets with the labels that the PodMonitor sets, one gateway before both servers
where each pod has its own, and, unless slow, a clock ten times as fast.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from figures import Figures
from k8s_callers import Callers
from k8s_counter_log import CounterLog
from k8s_load import PerfAnalyzerLoad
from k8s_monitored import Monitored
from k8s_replica import Counters, Replica
from supervised_server import HOST, wait_until
from wrinkle_client import NO_RETRIES, RetryPolicy
from wrinkle_core.contract import model
from wrinkle_scaling.autoscaler.hpa import HorizontalPodAutoscaler, Observation
from wrinkle_server.triton.raw_inference import infer_raw

pytestmark = [
    pytest.mark.live,
    pytest.mark.alone,
    pytest.mark.needs("prometheus"),
    pytest.mark.needs("prometheus-alertmanager"),
    pytest.mark.timeout(1500),
]

ENSEMBLE = model("wrinkle_unetpp")
STEPS = tuple(step.model_name for step in ENSEMBLE.steps)
QUEUE, PENDING = "wrinkle_queue_seconds", "wrinkle_pending_requests"
RECORDED, DOWN = "wrinkle:queue_seconds:weighted_mean2m", "WrinkleTargetDown"
LOAD_S = 24.0
SYNC_S = 15.0
LEAST_IN_FLIGHT, MOST_IN_FLIGHT = 16, 60  # more than the other target, fewer than may wait
SAME = 0.03  # beside what rate() extrapolates: each counter by up to a scrape interval, to the window's ends


def counters(monitored: Monitored) -> list[Counters]:
    return [replica.counters() for replica in monitored.replicas]


def pending(pages: list[Counters]) -> float:
    return sum(page["nv_inference_pending_request_count", step] for page in pages for step in STEPS)


def queue_seconds(before: list[Counters], after: list[Counters]) -> float:
    """Return the mean time in a composing model's queue, from the servers' own counters and nothing else."""

    def increase(metric: str) -> float:
        pairs = zip(before, after, strict=True)
        return sum(last[metric, step] - first[metric, step] for first, last in pairs for step in STEPS)

    return increase("nv_inference_queue_duration_us") / increase("nv_inference_request_success") / 1e6


def enough_in_flight(replica: Replica, photo: bytes, target_s: float) -> int:
    """Return how many requests make the mean wait well over the target, on a fast machine and on a slow one."""

    def seconds_of_one() -> float:
        began_s = time.perf_counter()
        infer_raw(HOST, replica.http_port, ENSEMBLE.name, photo, 30.0)
        return time.perf_counter() - began_s

    wanted = 2.5 * len(STEPS) * target_s / min(seconds_of_one() for _ in range(3))
    return round(min(max(wanted, LEAST_IN_FLIGHT), MOST_IN_FLIGHT))


def replicas_wanted(monitored: Monitored, busy: dict[str, float], quiet: dict[str, float]) -> list[int]:
    """Return what the HPA wants of two replicas, once while they are busy, then for 20 quiet minutes."""
    autoscaler = HorizontalPodAutoscaler(monitored.shipped.autoscaler)
    replicas = [autoscaler.reconcile(0.0, Observation(2, 2, busy))]
    for number in range(1, 80):
        there = Observation(replicas[-1], replicas[-1], quiet)
        replicas.append(autoscaler.reconcile(number * SYNC_S, there))
    return replicas


def test_every_rule_is_evaluated(monitored: Monitored, figures: Figures) -> None:
    figures(substitutions=monitored.substitutions)
    wait_until(lambda: all(rule["health"] == "ok" for rule in monitored.prometheus.rules()), 40)
    rules = monitored.prometheus.rules()
    assert [rule["name"] for rule in rules if rule.get("lastError")] == []
    assert len(rules) == sum(len(group["rules"]) for group in monitored.shipped.groups)


def test_autoscaler_reads_what_the_servers_count(
    monitored: Monitored, grace_hopper_jpeg: bytes, tmp_path: Path, figures: Figures
) -> None:
    """The window of the query and of the counters is the same: it ends when the rule was evaluated, after a load."""
    clock, shipped = monitored.clock, monitored.shipped
    target, window_s = monitored.targets[QUEUE], clock.here_s(shipped.window_s(RECORDED))

    def calm() -> bool:
        return monitored.scaling_metrics().get(QUEUE, target) < 0.1 * target

    with CounterLog(monitored.replicas) as log:
        wait_until(calm, 5 * clock.evaluation_s + 10)
        in_flight = enough_in_flight(monitored.replicas[0], grace_hopper_jpeg, target)
        ports = tuple(replica.grpc_port for replica in monitored.replicas)
        with PerfAnalyzerLoad(ports, ENSEMBLE.name, grace_hopper_jpeg, concurrency=in_flight, folder=tmp_path):
            time.sleep(clock.here_s(LOAD_S) + clock.interval_s + clock.evaluation_s)
            waiting = pending(counters(monitored))
            busy = monitored.scaling_metrics()
        wait_until(lambda: pending(counters(monitored)) == 0, 30)
        time.sleep(clock.interval_s + clock.evaluation_s)
        now_s = time.time()
    asked, asked_by_keda = monitored.scaling_metrics(at_s=now_s), monitored.scaling_metrics_of_keda(at_s=now_s)
    evaluated_s = monitored.prometheus.value(f"timestamp({RECORDED})", at_s=now_s)
    assert evaluated_s is not None
    by_hand = queue_seconds(log.at(evaluated_s - window_s), log.at(evaluated_s))

    fallen_s = wait_until(calm, window_s + 5 * clock.evaluation_s)
    replicas = replicas_wanted(monitored, busy, monitored.scaling_metrics())
    figures(
        in_flight=in_flight,
        by_hand_s=round(by_hand, 4),
        asked_s=round(asked[QUEUE], 4),
        busy={name: round(value, 3) for name, value in busy.items()},
        waiting=waiting,
        fallen_s=round(fallen_s, 1),
        replicas=[replicas[0], replicas[-1]],
    )
    assert asked[QUEUE] == pytest.approx(by_hand, rel=SAME + clock.interval_s / window_s)
    assert asked_by_keda == asked
    assert asked.keys() == monitored.targets.keys()
    assert asked[PENDING] == 0.0
    assert busy[PENDING] == pytest.approx(waiting, rel=0.15)
    assert busy[QUEUE] > 1.1 * target
    assert busy[PENDING] > 1.1 * 2 * monitored.targets[PENDING]
    stays = round(shipped.autoscaler.scale_down.stabilization_window_s / SYNC_S)
    assert replicas[0] > 2
    assert set(replicas[:stays]) == {replicas[0]}
    assert replicas[-1] == 2


def test_killed_replica_is_alerted_and_costs_only_typed_errors(
    monitored: Monitored, grace_hopper_jpeg: bytes, figures: Figures
) -> None:
    alertmanager, clock = monitored.alertmanager, monitored.clock
    patience_s = clock.here_s(monitored.shipped.patience_s(DOWN))
    gone, stays = monitored.replicas
    assert alertmanager.names() == set()
    with (
        Callers(monitored.urls, grace_hopper_jpeg, RetryPolicy()) as patient,
        Callers(monitored.urls, grace_hopper_jpeg, NO_RETRIES) as impatient,
    ):
        both = patient, impatient
        wait_until(lambda: all(callers.answered >= 4 for callers in both), 30)
        gone.kill()
        fired_s = wait_until(lambda: DOWN in alertmanager.names(), patience_s + 10 * clock.evaluation_s)
        alerts = alertmanager.active()
        during = [callers.answered for callers in both]
        gone.start()
        gone.wait_ready()
        resolved_s = wait_until(lambda: not alertmanager.names(), 5 * clock.evaluation_s + 70)
        wait_until(lambda: monitored.gateway.healthy_backends == 2, 10)
        wait_until(lambda: all(callers.answered > before for callers, before in zip(both, during, strict=True)), 30)
    figures(
        patient=dict(patient.outcomes),
        impatient=dict(impatient.outcomes),
        fired_s=round(fired_s, 1),
        resolved_s=round(resolved_s, 1),
    )
    assert {alert["alertname"] for alert in alerts} == {DOWN}
    assert {alert["pod"] for alert in alerts} == {gone.pod}
    assert fired_s >= patience_s
    assert patient.untyped == impatient.untyped == []
    assert set(patient.outcomes) == {"answered"}
    assert set(impatient.outcomes) <= {"answered", "SERVER_UNREACHABLE", "MODEL_NOT_READY"}
    assert len(patient.masks | impatient.masks) == 1
    assert stays.counters()["nv_inference_request_success", ENSEMBLE.name] > 0
