"""What a worker counts."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300)

REPLIES = Counter("antiphon_llm_replies_total", "Replies that ended here, by outcome", ["outcome"])
ATTEMPTS = Counter("antiphon_llm_attempts_total", "Generations begun here")
SUPERSEDED = Counter("antiphon_llm_superseded_total", "Ends that were dropped because somebody else was ahead")
RESENT = Counter("antiphon_llm_deltas_resent_total", "Times a text on its way was sent again from its beginning")
SWEPT = Counter("antiphon_llm_swept_total", "Open replies without a job that were enqueued again")
FIRST_TOKEN = Histogram("antiphon_llm_first_token_seconds", "From the start to the first token", buckets=_SECONDS)
TOTAL = Histogram("antiphon_llm_reply_seconds", "From the start to the end", buckets=_SECONDS)
GENERATING = Gauge("antiphon_llm_generating", "Jobs in work here now")
DEFERRED = Counter("antiphon_llm_deferred_total", "Jobs put off because their session had its share of this worker")
QUEUED = Gauge("antiphon_llm_queued", "Jobs in PROMPTS, in work or waiting")
WAITING = Gauge("antiphon_llm_waiting", "Jobs in PROMPTS that no worker has taken yet")
OLDEST = Gauge("antiphon_llm_oldest_job_seconds", "Age of the oldest job in PROMPTS, in work or waiting")
BREAKER = Gauge("antiphon_llm_breaker", "A provider's circuit breaker: 0 closed, 1 half-open, 2 open", ["provider"])
RETRIED = Counter("antiphon_llm_retries_total", "Questions to a provider that were asked again", ["provider"])
FELL_BACK = Counter("antiphon_llm_fallbacks_total", "Replies that went on to the next model", ["model"])
HANDED_OVER = Counter("antiphon_llm_hand_overs_total", "Replies that one agent handed over to another", ["to"])
