"""What the feed and the commands count."""

from prometheus_client import Counter, Gauge, Histogram

REPAIRS = Counter("feed_repairs_total", "Fills that found events which the live copies had not brought", ["cause"])
OPEN_SESSIONS = Gauge("feed_open_sessions", "Sessions this gateway is subscribed to")
CACHED_SESSIONS = Gauge("feed_cached_sessions", "Sessions kept in memory without a subscription")
CACHED_BYTES = Gauge("feed_cached_bytes", "About how much memory these take")
CACHE = Counter("feed_cache_total", "Sessions opened, by whether they were in memory", ["outcome"])
CACHE_EVICTIONS = Counter("feed_cache_evictions_total", "Sessions let go of, by the bound they were over", ["bound"])
DELIVERED = Counter("feed_events_total", "Events that entered an open feed, whatever the number of its listeners")
CHUNKS = Counter("feed_chunks_total", "Chunks of replies that came, by what became of them", ["outcome"])
RESYNCS = Counter("feed_resyncs_total", "Times that every listener was told to start over", ["cause"])
JOINS = Counter("feed_joins_total", "Subscribes, by how they began", ["kind"])
PUBLISH_S = Histogram(
    "command_publish_seconds",
    "From publish to acknowledgement",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 10),
)
