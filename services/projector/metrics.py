"""What the projector counts."""

from prometheus_client import Counter, Gauge, Histogram

FOLDED = Counter("antiphon_projector_folded_events_total", "Events folded into the read models")
APPLIED_SEQ = Gauge("antiphon_projector_applied_seq", "Last position in the read models")
LAG_EVENTS = Gauge("antiphon_projector_lag_events", "Events in the log that are not in the read models yet")
LAG_SECONDS = Gauge("antiphon_projector_lag_seconds", "Age of the last event folded, as long as there are more to fold")
FOLD_SECONDS = Histogram(
    "antiphon_projector_fold_seconds",
    "Time of one page, commit included",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
QUERY_SECONDS = Histogram(
    "antiphon_projector_query_seconds",
    "Time of one query, without the wait for its position",
    ("query", "outcome"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
HOUSEKEPT = Counter(
    "antiphon_projector_housekept_total", "Sessions that were deleted, archived or erased by age", ("kind",)
)
