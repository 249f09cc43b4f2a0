"""Every name that two processes must agree on: streams, subjects, buckets, queries, headers, message ids.

Nothing here does I/O. A name is a function where it has a parameter, a constant where it has none.
"""

from typing import Final

EVENTS: Final = "EVENTS"  # the log's order: one subject per session, file storage, republished live
DELTAS: Final = "DELTAS"  # text on its way: memory storage, gone after minutes, republished live
PROMPTS: Final = "PROMPTS"  # work queue: one job per enqueueing of a requested reply
PARKED: Final = "PARKED"  # what could not be handled, with the reason
LEASES: Final = "leases"  # KV bucket: which worker generates in a chat now
PRESENCE: Final = "presence"  # KV bucket: which gateways live, which clients they hold

HEADER_MSG_ID: Final = "Nats-Msg-Id"
HEADER_EXPECTED_LAST: Final = "Nats-Expected-Last-Subject-Sequence"
HEADER_BATCH_ID: Final = "Nats-Batch-Id"  # several messages that are stored together or not at all
HEADER_BATCH_SEQUENCE: Final = "Nats-Batch-Sequence"  # from 1
HEADER_BATCH_COMMIT: Final = "Nats-Batch-Commit"
HEADER_TRACEPARENT: Final = "traceparent"
HEADER_REPLY_ID: Final = "Reply-Id"  # this event asks for a reply
HEADER_REPLY_CANCEL: Final = "Reply-Cancel"  # this event ends one
HEADER_PARK_REASON: Final = "Park-Reason"

LOG_APPENDED: Final = "log.appended"  # core notice {"seq": n, "epoch": e}: how far the log reaches
PROJECTED: Final = "projector.applied"  # core notice {"seq": n}: how far the read models reach
REPLY_ASKED: Final = "reply.asked"  # core notice without a body: EVENTS has an event that asks for a reply or ends one
QUEUE_HISTORY: Final = "history"  # queue groups: any instance of the owner answers
QUEUE_PROJECTOR: Final = "projector"
QUEUE_LLM: Final = "llm"
QUEUE_GATEWAYS: Final = "gateways"
LLM_INTAKE: Final = "llm-intake"  # durable consumer of EVENTS: nothing that it has not seen may be trimmed

ALL_EVENTS: Final = "event.*"
ALL_DELTAS: Final = "delta.*"
ALL_PROMPTS: Final = "prompt.*"


def event(session_id: str) -> str:
    """Where a session's events are published (stream EVENTS)."""
    return f"event.{session_id}"


def delta(session_id: str) -> str:
    """Where a session's token chunks are published (stream DELTAS)."""
    return f"delta.{session_id}"


def live(session_id: str) -> str:
    """Where the server republishes events and chunks of a session. Only the server writes here."""
    return f"live.{session_id}"


def signal(session_id: str) -> str:
    """Where gateways tell each other what is never stored: typing, awareness, joins and leaves."""
    return f"signal.{session_id}"


def handover(session_id: str) -> str:
    """Where a gateway that opens a session asks one that has it open for its newest events."""
    return f"handover.{session_id}"


def prompt(session_id: str) -> str:
    """Where jobs of a session are enqueued (stream PROMPTS)."""
    return f"prompt.{session_id}"


def lease(session_id: str, chat_id: str) -> str:
    """Where the lease on a chat is kept (bucket `leases`). A chat id may hold dots and spaces, so it is in hex."""
    return f"$KV.{LEASES}.{session_id}.{chat_id.encode().hex()}"


def presence_gateway(gateway: str) -> str:
    """Where a gateway (its name from `user_token`, or `*`) says that it lives (bucket `presence`)."""
    return f"$KV.{PRESENCE}.gateway.{gateway}"


def presence_client(session_id: str, gateway: str, client: str) -> str:
    """Where a gateway says that a client listens to a session (bucket `presence`). Each part may be `*`."""
    return f"$KV.{PRESENCE}.client.{session_id}.{gateway}.{client}"


def presence_awareness(session_id: str, gateway: str, client: str) -> str:
    """Where a gateway keeps what a client last said of itself (bucket `presence`). Each part may be `*`."""
    return f"$KV.{PRESENCE}.awareness.{session_id}.{gateway}.{client}"


def bucket_stream(bucket: str) -> str:
    """The stream that holds a bucket."""
    return f"KV_{bucket}"


def parked(origin: str, session_id: str) -> str:
    """Where `origin` (a service's name) puts what it can't handle (stream PARKED)."""
    return f"parked.{origin}.{session_id}"


def notice(user_id_token: str) -> str:
    """Core notice for one user: the session list changed. The token comes from `user_token`."""
    return f"notice.{user_id_token}"


def user_token(user_id: str) -> str:
    """A user id as one subject token: hex of its UTF-8 bytes, since ids may hold dots and spaces."""
    return user_id.encode().hex()


def query(owner: str, name: str) -> str:
    """Request/reply subject of a query that `owner` answers."""
    return f"query.{owner}.{name}"


def command_msg_id(actor: str, event_id: str) -> str:
    """Deduplication key of a client's command: nobody else's id can ever match it. One's own does in every session, as
    the log, too, takes an id of an actor once.
    """
    return f"c/{actor}/{event_id}"


def service_msg_id(service: str, key: str) -> str:
    """Deduplication key of what a service publishes by itself."""
    return f"s/{service}/{key}"


def session_of(subject: str) -> str:
    """The session a subject `<kind>.<session_id>` belongs to."""
    return subject.split(".", 1)[1]
