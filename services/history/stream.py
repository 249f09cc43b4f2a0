"""EVENTS: made here, checked here, and asked here for positions that were not delivered."""

from base64 import b64decode

import nats.errors
import orjson
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo
from nats.js.errors import NotFoundError

from services.history.entry import Entry, time_ns
from services.history.errors import ForeignEpoch, Hole, StreamBehind, StreamMissing
from services.history.log import Head
from shared import errors, subjects
from shared.bus import streams
from shared.bus.connection import Bus
from shared.bus.direct import NO_MESSAGE

_TIMEOUT_S = 2.0


async def ensure(bus: Bus, head: Head, replicas: int) -> StreamInfo:
    """EVENTS exists and continues the log. It is made only for a log that is empty.

    Raises:
        StreamMissing, ForeignEpoch, StreamBehind: it does not. A stream is never made or changed to hide that.
    """
    try:
        info = await bus.js.stream_info(subjects.EVENTS)
    except NotFoundError:
        if head.seq > 0:
            raise StreamMissing(head.seq) from None
        await streams.ensure(bus.js, streams.events_config(head.epoch, replicas))
        info = await bus.js.stream_info(subjects.EVENTS)
    check(info, head)
    return info


def check(info: StreamInfo, head: Head) -> None:
    """Returns if the stream continues the log.

    Raises:
        ForeignEpoch, StreamBehind: it does not.
    """
    epoch = streams.epoch_of(info)
    if epoch != head.epoch:
        raise ForeignEpoch(head.epoch, epoch)
    if info.state.last_seq < head.seq:
        raise StreamBehind(head.seq, info.state.last_seq)


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


async def fetch(bus: Bus, first: int, last: int) -> list[Entry]:
    """The messages from `first` to `last`, by the leader's word.

    Raises:
        Hole: with the positions that the stream does not have.
        Unavailable: the stream does not answer.
    """
    found: list[Entry] = []
    missing: list[int] = []
    for seq in range(first, last + 1):
        entry = await _fetch_one(bus, seq)
        if entry is None:
            missing.append(seq)
        else:
            found.append(entry)
    if missing:
        raise Hole(missing[0], missing[-1])
    return found


async def _fetch_one(bus: Bus, seq: int) -> Entry | None:
    subject, request = f"$JS.API.STREAM.MSG.GET.{subjects.EVENTS}", orjson.dumps({"seq": seq})
    try:
        reply = await bus.client.request(subject, request, timeout=_TIMEOUT_S)
    except nats.errors.Error as error:
        raise errors.Unavailable("EVENTS does not answer") from error
    answer = orjson.loads(reply.data)
    if "error" in answer:
        if answer["error"].get("err_code") == NO_MESSAGE:
            return None
        raise errors.Unavailable(str(answer["error"].get("description")))
    message = answer["message"]
    return Entry(seq, time_ns(message["time"]), message["subject"], b64decode(message.get("data", "")))
