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
from nats.js.errors import BadRequestError, NotFoundError

from shared import subjects

DUPLICATE_WINDOW_S = 600
EPOCH = "epoch"  # key in the stream's metadata


def events_config(epoch: str, replicas: int = 1) -> StreamConfig:
    """EVENTS: nothing is ever discarded by age or count, and metadata names the log it belongs to."""
    return StreamConfig(
        name=subjects.EVENTS,
        subjects=[subjects.ALL_EVENTS],
        storage=StorageType.FILE,
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW,
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
