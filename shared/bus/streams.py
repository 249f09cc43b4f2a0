"""The streams and buckets, and how they come into being.

EVENTS is made by history alone, because its identity (the epoch) is in the log. Everybody may make the others:
memory streams are gone when their server was killed, so whoever needs one calls `ensure` again after a reconnect.
"""

import asyncio
from dataclasses import replace

from nats.js import JetStreamContext
from nats.js.api import (
    DiscardPolicy,
    KeyValueConfig,
    RePublish,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import APIError, BadRequestError, NotFoundError

from shared import subjects

DUPLICATE_WINDOW_S = 600
EPOCH = "epoch"  # key in the stream's metadata
UNBOUNDED = -1
MIN_EVENTS_BYTES = 64 * 1024 * 1024
OTHERS = 4  # for the other streams there must be room for a fourth of it
NO_ROOM = 10047  # JetStream API: insufficient storage resources available


def events_config(epoch: str, replicas: int = 1, max_bytes: int = UNBOUNDED) -> StreamConfig:
    """EVENTS: nothing is ever discarded by age or count, and metadata names the log it belongs to.

    What would make it larger than `max_bytes` is refused.
    """
    return StreamConfig(
        name=subjects.EVENTS,
        subjects=[subjects.ALL_EVENTS],
        storage=StorageType.FILE,
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW,
        max_bytes=max_bytes,
        num_replicas=replicas,
        allow_direct=True,
        allow_atomic=True,
        duplicate_window=DUPLICATE_WINDOW_S,
        republish=RePublish(src=subjects.ALL_EVENTS, dest="live.{{wildcard(1)}}"),
        metadata={EPOCH: epoch},
    )


DELTAS = StreamConfig(
    name=subjects.DELTAS,
    subjects=[subjects.ALL_DELTAS],
    storage=StorageType.MEMORY,
    max_age=600,
    max_bytes=256 * 1024 * 1024,
    allow_direct=True,
    duplicate_window=2,
    republish=RePublish(src=subjects.ALL_DELTAS, dest="live.{{wildcard(1)}}"),
)
PROMPTS = StreamConfig(
    name=subjects.PROMPTS,
    subjects=[subjects.ALL_PROMPTS],
    storage=StorageType.FILE,
    retention=RetentionPolicy.WORK_QUEUE,
    duplicate_window=DUPLICATE_WINDOW_S,
)
PARKED = StreamConfig(name=subjects.PARKED, subjects=["parked.>"], storage=StorageType.FILE, allow_direct=True)
PRESENCE_BUCKET = KeyValueConfig(bucket=subjects.PRESENCE, storage=StorageType.MEMORY, limit_marker_ttl=5, direct=True)
LEASES_BUCKET = KeyValueConfig(bucket=subjects.LEASES, storage=StorageType.FILE, limit_marker_ttl=5)


async def ensure(js: JetStreamContext, config: StreamConfig) -> None:
    """Afterwards the stream exists. A stream that exists with another configuration is left as it is."""
    try:
        await js.stream_info(str(config.name))
    except NotFoundError:
        try:
            await js.add_stream(replace(config))
        except BadRequestError:  # another process was first
            await js.stream_info(str(config.name))


async def ensure_events(js: JetStreamContext, epoch: str, replicas: int, max_bytes: int) -> StreamInfo:
    """EVENTS exists and may hold `max_bytes` (0: anything), or, where the server can't set aside so much, as large a
    part of it as it can: halved until it fits and leaves a quarter as much for the other streams, which could not be
    made otherwise.

    A stream that exists keeps everything else that it is, its epoch included.

    Raises:
        APIError: not even `MIN_EVENTS_BYTES` can be had, or the server has another reason.
    """
    wanted = max_bytes or UNBOUNDED
    try:
        found = await js.stream_info(subjects.EVENTS)
    except NotFoundError:
        found = None
    while True:
        if found is not None and found.config.max_bytes == wanted:
            return found
        try:
            with_others = wanted + wanted // OTHERS if wanted > 0 else wanted
            if found is None:
                found = await js.add_stream(events_config(epoch, replicas, with_others))
            elif (found.config.max_bytes or UNBOUNDED) < wanted:
                found = await js.update_stream(replace(found.config, max_bytes=with_others))
            return await js.update_stream(replace(found.config, max_bytes=wanted))
        except APIError as error:
            if error.err_code != NO_ROOM or wanted // 2 < MIN_EVENTS_BYTES:
                raise
            wanted //= 2


def filled(info: StreamInfo) -> float:
    """How much of what the stream may hold it holds, 0 to 1; 0 if it has no bound."""
    limit = info.config.max_bytes or UNBOUNDED
    return info.state.bytes / limit if limit > 0 else 0.0


def forgets(info: StreamInfo) -> str:
    """The setting by which the stream would lose events that were acknowledged; empty if there is none."""
    config = info.config
    bounds = {"max_age": config.max_age, "max_msgs": config.max_msgs}
    bounds["max_msgs_per_subject"] = config.max_msgs_per_subject
    found = [name for name, value in bounds.items() if value is not None and value > 0]
    return ", ".join(found) or ("" if config.discard == DiscardPolicy.NEW else "discard")


async def ensure_presence(js: JetStreamContext) -> None:
    """Afterwards the presence bucket exists."""
    await ensure_bucket(js, PRESENCE_BUCKET)


async def ensure_bucket(js: JetStreamContext, config: KeyValueConfig) -> None:
    """Afterwards the bucket exists. One that exists with another configuration is left as it is."""
    try:
        await js.key_value(config.bucket)
    except NotFoundError:
        try:
            await js.create_key_value(replace(config))
        except BadRequestError:  # another process was first
            await js.key_value(config.bucket)


async def wait_for_events(js: JetStreamContext, poll_s: float = 0.2) -> StreamInfo:
    """The state of EVENTS, once history has made it. JetStream has no notice of a new stream, so this asks."""
    while True:
        try:
            return await js.stream_info(subjects.EVENTS)
        except NotFoundError:
            await asyncio.sleep(poll_s)


def epoch_of(info: StreamInfo) -> str:
    """The identity of the log that the stream belongs to; empty if it has none."""
    return (info.config.metadata or {}).get(EPOCH, "")
