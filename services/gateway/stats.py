"""What a gateway counts: plain numbers on the hot path, read by Prometheus when it asks."""

from collections.abc import Iterator
from functools import cache

from prometheus_client import REGISTRY, Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

COMMANDS = Counter("antiphon_gateway_commands_total", "Commands by method and outcome", ["method", "outcome"])


@cache
def counted(method: str, outcome: str) -> Counter:
    """The count of commands of this method that ended so."""
    return COMMANDS.labels(method, outcome)


class Stats(Collector):
    """Counts of one process."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.connections = 0
        self.connections_total = 0
        self.subscriptions = 0
        self.bytes_out = 0
        self.slow_closes = 0
        self._registry = registry
        registry.register(self)

    def close(self) -> None:
        """No longer asked."""
        self._registry.unregister(self)

    def collect(self) -> Iterator[Metric]:
        """The numbers as they are now."""
        yield GaugeMetricFamily("antiphon_gateway_connections", "Open sockets", value=self.connections)
        yield GaugeMetricFamily("antiphon_gateway_subscriptions", "Open subscriptions", value=self.subscriptions)
        yield CounterMetricFamily("antiphon_gateway_sockets", "Sockets ever opened", value=self.connections_total)
        yield CounterMetricFamily("antiphon_gateway_bytes_out", "Bytes written to sockets", value=self.bytes_out)
        yield CounterMetricFamily("antiphon_gateway_slow_closes", "Slow readers closed", value=self.slow_closes)
