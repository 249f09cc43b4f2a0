"""What history counts."""

from prometheus_client import Counter, Gauge, Histogram

APPENDED = Counter("antiphon_history_appended_events_total", "Events appended to the log")
MALFORMED = Counter("antiphon_history_malformed_events_total", "Messages kept in the log that are no events")
TRIMMED = Counter("antiphon_history_trimmed_events_total", "Events removed from the stream behind the hot window")
ERASED = Counter("antiphon_history_erased_events_total", "Events erased from log and stream")
DUPLICATES = Counter("antiphon_history_duplicate_events_total", "Second copies kept in the log")
HEAD_SEQ = Gauge("antiphon_history_head_seq", "Last position of the log")
LAG_EVENTS = Gauge("antiphon_history_lag_events", "Events in the stream that are not in the log yet")
BATCH_EVENTS = Histogram(
    "antiphon_history_batch_events",
    "Events appended in one transaction",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000),
)
APPEND_SECONDS = Histogram(
    "antiphon_history_append_seconds",
    "Time of one append, commit included",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
