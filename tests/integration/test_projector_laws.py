"""The law of the read models, on real tables: whatever the history, folding it again makes the same rows."""

import hashlib
import random
from itertools import count
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from services.projector import live, source, store
from shared import ids
from shared.events import (
    ContentErased,
    Envelope,
    Event,
    MessageEdited,
    MessagePosted,
    Remains,
    ReplyCompleted,
    SessionCreated,
    Track,
)
from shared.events.remains import remains
from tests.support.conversation import envelope
from tests.support.folding import append, asking, everything, fold_all
from tests.support.histories import EVENT_IDS, histories, tracks

RUNS = count()


def told(session: str, events: list[Event], track: Track | None) -> list[Envelope]:
    """The session's events, with ids of its own."""
    kind = {"kind": "track", "track": track} if track else {}
    first = SessionCreated.model_validate({"owner": "ada", "owner_name": "Ada", "chat_id": "c1", **kind})
    own = {event_id: ids.derived(event_id, session) for event_id in EVENT_IDS}
    story = []
    for place, event in enumerate([first, *events], start=1):
        data = event.model_dump_json()
        for event_id, derived in own.items():
            data = data.replace(event_id, derived)
        mine = type(event).model_validate_json(data)
        story.append(envelope(session, mine, event_id=own[EVENT_IDS[place]], actor_name="Ada"))
    return story


async def erasing(pool: AsyncEngine, session: str, dice: random.Random) -> Envelope:
    """The order to erase some of the session's events, as history gives it."""
    async with pool.connect() as connection:
        stored = await source.of_session(connection, session, 0, 2**62, 1000)
    chosen = [one for one in stored if dice.random() < 0.3 and not one.is_passed_over] or stored[:1]
    left = {one.seq: remains(orjson.loads(one.body or b"")) for one in chosen}
    digest = hashlib.sha256(b"").hexdigest()
    event = ContentErased(
        seqs=list(left),
        message_ids=sorted({said for body in left.values() for said in messages_of(body)}),
        reason="asked for",
        remains=[Remains(seq=seq, time_ns=1, digest=digest, body=body) for seq, body in left.items()],
    )
    return envelope(session, event, actor="svc/ops")


def messages_of(body: dict[str, Any]) -> list[str]:
    """The messages whose content was in this body."""
    match body["type"]:
        case MessagePosted.TYPE:
            return [str(body["id"])]
        case MessageEdited.TYPE:
            return [str(body["data"]["message_id"])]
        case ReplyCompleted.TYPE:
            return [str(body["data"]["reply_id"])] if body["data"]["content"] else []
        case _:
            return []


def repeated(story: list[Envelope], dice: random.Random) -> list[Envelope]:
    """The story with some of its events sent twice, the second time later."""
    again = dice.sample(story, k=min(3, len(story)))
    return [*story, *again]


def shuffled(stories: list[list[Envelope]], dice: random.Random) -> list[Envelope]:
    """The stories at the same time, each in its order."""
    left = [list(story) for story in stories]
    log: list[Envelope] = []
    while left := [story for story in left if story]:
        log.append(dice.choice(left).pop(0))
    return log


@settings(max_examples=5, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(histories, tracks), min_size=2, max_size=4),
    st.integers(0, 2**32),
    st.lists(st.integers(3, 40), min_size=1, max_size=3),
)
async def test_live_rows_are_those_of_a_new_fold(
    database_url: str, drawn: list[tuple[list[Event], Track | None]], seed: int, pages: list[int]
) -> None:
    dice, run = random.Random(seed), next(RUNS)
    stories = [repeated(told(f"s{run}-{n}", events, track), dice) for n, (events, track) in enumerate(drawn)]
    log = shuffled(stories, dice)
    async with asking(database_url) as projector:
        for page in pages:  # each begins where the one before has ended, as after a restart
            some = len(log) // len(pages) + 1
            await append(projector.pool, log[:some])
            log = log[some:]
            await fold_all(projector.pool, page)
        await append(projector.pool, log)
        await append(projector.pool, [await erasing(projector.pool, story[0].subject, dice) for story in stories])
        await fold_all(projector.pool, pages[0])
        before = await everything(projector.pool)
        await store.clear(store.in_schema(projector.pool, await live.ensure(projector.pool)))
        await fold_all(projector.pool)
        assert await everything(projector.pool) == before
        for session in {story[0].subject for story in stories}:
            snapshot = await projector.ask("snapshot", session_id=session)
            assert await projector.ask("at", session_id=session, seq=snapshot["at"]) == snapshot
