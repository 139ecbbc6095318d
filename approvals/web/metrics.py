"""`/metrics`: the counters of this web process, and figures about heartbeats from the database."""

from __future__ import annotations

from collections.abc import Iterator

import structlog
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from approvals.exceptions import DATABASE_AWAY
from approvals.records import heartbeats

log = structlog.get_logger(__name__)

# The gauges of each queue with heartbeats: name, description, and where `heartbeats.Load` has the figure.
GAUGES = (
    (
        "countersign_heartbeat_open_tokens",
        "Task tokens that are kept alive by heartbeats.",
        "open_tokens",
    ),
    (
        "countersign_heartbeats_due",
        "Heartbeats that are due and not called; growing: no sweeper runs.",
        "due",
    ),
    (
        "countersign_heartbeat_capacity_tokens",
        "Task tokens that half the quota can keep alive.",
        "capacity",
    ),
)


class Heartbeats(Collector):
    """How many task tokens are kept alive, and how many can be: from the database, for all workers."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The GAUGES of each queue with heartbeats. Raises the exceptions of DATABASE_AWAY."""
        loads = heartbeats.load(heartbeats.queues())
        for name, description, figure in GAUGES:
            family = GaugeMetricFamily(name, description, labels=["queue"])
            for load in loads:
                family.add_metric([load.queue.slug], getattr(load, figure))
            yield family


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Both in the text format of Prometheus; only the counters if the database cannot be reached."""
    page: HttpResponse = ExportToDjangoView(request)
    registry = CollectorRegistry()
    registry.register(Heartbeats())
    try:
        page.content += generate_latest(registry)
    except DATABASE_AWAY as error:
        log.warning("metrics.database_away", error=str(error)[:300])
    return page
