"""A stream that has let go of its beginning, and a log that keeps it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from shared import subjects
from shared.bus.broker import answering, make_broker, ok
from shared.bus.direct import read_session
from shared.events import decode, encode
from tests.support.llm_world import World

PAGE = 3  # so that there are pages


@asynccontextmanager
async def trimmed(one: World, first_seq: int) -> AsyncIterator[None]:
    """Inside, the stream begins at `first_seq`, and history's queries about the session are answered."""
    kept = await read_session(one.reader, one.session_id, 0)
    one.older = [decode(it.seq, it.body) for it in kept if it.seq < first_seq]
    await one.bus.js.purge_stream(subjects.EVENTS, seq=first_seq)
    broker = make_broker(one.nats_url, "test")

    @broker.subscriber(subjects.query("history", "read"))
    async def read(request: dict[str, Any]) -> dict[str, Any]:
        assert request["session_id"] == one.session_id
        rows = [
            {"seq": it.seq, "session_id": one.session_id, "id": it.envelope.id, "type": it.envelope.type}
            | {"body": orjson.loads(encode(it.envelope))}
            for it in await one.log()
            if it.seq > request["after"]
        ]
        page = rows[: min(PAGE, request["limit"])]
        more = page[-1]["seq"] if len(page) < len(rows) else None
        at = (await one.bus.js.stream_info(subjects.EVENTS)).state.last_seq
        return ok({"events": page, "next": more, "at": at, "epoch": "test"})

    async with answering(broker):
        yield
