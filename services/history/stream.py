"""EVENTS: made here, and checked here."""

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import log as event_log
from services.history.errors import ForeignEpoch, StreamBehind, StreamForgets, StreamMissing
from services.history.log import Head
from shared import subjects
from shared.bus import streams
from shared.bus.connection import Bus


async def ensure(bus: Bus, head: Head, replicas: int, max_bytes: int) -> StreamInfo:
    """EVENTS exists, continues the log, and may hold `max_bytes` or what the server has room for. It is made only for a
    log that is empty.

    Raises:
        StreamMissing, ForeignEpoch, StreamBehind: it does not. A stream is never made or changed to hide that.
        StreamForgets: it would lose events.
    """
    try:
        info = await bus.js.stream_info(subjects.EVENTS)
    except NotFoundError:
        if head.seq > 0:
            raise StreamMissing(head.seq) from None
        info = await streams.ensure_events(bus.js, head.epoch, replicas, max_bytes)
    check(info, head)
    return await streams.ensure_events(bus.js, head.epoch, replicas, max_bytes)


async def looked_at(bus: Bus, engine: AsyncEngine) -> tuple[Head, StreamInfo]:
    """Where the log ends, and then what the stream holds: in the other order, what was stored and appended in between
    would look lost.

    Raises:
        ForeignEpoch, StreamBehind, StreamForgets: the stream does not continue the log.
        NotFoundError: there is no stream.
    """
    head = await event_log.head(engine)
    info = await bus.js.stream_info(subjects.EVENTS)
    check(info, head)
    return head, info


def check(info: StreamInfo, head: Head) -> None:
    """Returns if the stream continues the log.

    Raises:
        ForeignEpoch, StreamBehind: it does not.
        StreamForgets: it would lose events that were acknowledged.
    """
    epoch = streams.epoch_of(info)
    if epoch != head.epoch:
        raise ForeignEpoch(head.epoch, epoch)
    if info.state.last_seq < head.seq:
        raise StreamBehind(head.seq, info.state.last_seq)
    if bound := streams.forgets(info):
        raise StreamForgets(bound)


def consumer_after(seq: int) -> ConsumerConfig:
    """A consumer for one reader that starts behind `seq`. The position is in the log, so nothing is acknowledged."""
    return ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=seq + 1,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=30,
        mem_storage=True,
        num_replicas=1,
    )
