"""What the cluster adds to the replicas: how long a start takes, who gets which request, how old metrics are."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ClusterSpec", "ColdStart", "GatewaySpec", "MetricsSpec"]

Duration = Annotated[float, Field(ge=0.0, le=86400.0)]
Period = Annotated[float, Field(gt=0.0, le=3600.0)]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColdStart(_Spec):
    """What a new replica waits for, one after the other.

    Attributes:
        warm_nodes: Replicas for which a node with the image is there from the start.
        node_s: Until a further node is there.
        image_pull_s: Until the image is on a further node.
        model_fetch_s: Until the weights are there.
        plan_build_s: Until a TensorRT plan is built; 0 without TensorRT.
        plan_cached: Whether the plan is in the shared cache already. If not, the first replica builds it, and those
            that come meanwhile wait for it.
        server_start_s: From the process's start until every model has answered its warm-up.
        readiness_period_s: Of the probe; a replica is ready at the next one.
        endpoint_s: Until the gateway knows a new or a leaving address.
    """

    warm_nodes: Annotated[int, Field(ge=0, le=10_000)] = 10_000
    node_s: Duration = 0.0
    image_pull_s: Duration = 0.0
    model_fetch_s: Duration = 0.0
    plan_build_s: Duration = 0.0
    plan_cached: bool = True
    server_start_s: Duration
    readiness_period_s: Period = 5.0
    endpoint_s: Duration = 5.0


class GatewaySpec(_Spec):
    """How requests are spread.

    Attributes:
        choices: Replicas drawn by lot, of which the one with the fewest requests in flight is taken; 1 is pure chance.
        tries: Replicas that a request is offered to, one after the other, while they refuse it.
        back_off_s: Wait before a further try.
    """

    choices: Annotated[int, Field(ge=1, le=64)] = 3
    tries: Annotated[int, Field(ge=1, le=5)] = 2
    back_off_s: Duration = 0.03


class MetricsSpec(_Spec):
    """How old the autoscaler's metrics are.

    Attributes:
        scrape_period_s: How often Prometheus reads each replica.
        evaluation_period_s: How often its recording rules are computed.
        window_s: Over how long they look back.
    """

    scrape_period_s: Period = 15.0
    evaluation_period_s: Period = 15.0
    window_s: Annotated[float, Field(gt=0.0, le=86400.0)] = 60.0


class ClusterSpec(_Spec):
    """The cluster.

    Attributes:
        cold_start: What a new replica waits for.
        gateway: How requests are spread.
        metrics: How old the autoscaler's metrics are.
    """

    cold_start: ColdStart
    gateway: GatewaySpec = GatewaySpec()
    metrics: MetricsSpec = MetricsSpec()
