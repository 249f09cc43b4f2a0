"""Erasure: gone from log and stream, in place everywhere, provable, and done however often history dies on the way."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.history import log
from services.history.erasing import statements
from shared import db, errors, ids, subjects
from shared.bus.connection import Bus
from shared.bus.direct import DirectReader
from shared.bus.query import QueryClient
from shared.bus.streams import wait_for_events
from shared.events import MessageEdited
from shared.events.remains import ERASED
from tests.support.conversation import answered, created, envelope, posted, put
from tests.support.eventually import eventually
from tests.support.logs import environment, erasure, reaches, surroundings, verified
from tests.support.services import running

SECRET = "nightingale"


async def left_in_the_log(engine: AsyncEngine, words: str) -> int:
    async with engine.connect() as connection:
        found = text(
            "SELECT count(*) FROM log.events e WHERE position(:words in e::text) > 0 OR position(:hex in e::text) > 0"
        )
        return int((await connection.execute(found, {"words": words, "hex": words.encode().hex()})).scalar_one())


async def left_in_the_stream(bus: Bus, words: str) -> list[int]:
    found: list[int] = []
    reader = DirectReader(bus.client)
    await reader.start()
    after = 0
    while batch := await reader.after(subjects.EVENTS, subjects.ALL_EVENTS, after):
        found += [stored.seq for stored in batch if words.encode() in stored.body]
        after = batch[-1].seq
    await reader.stop()
    return found


async def erase(bus: Bus, **order: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await QueryClient(bus).ask(
        "history", "erase", {"reason": "asked for", "by": "dpo", **order}, 25
    )
    return answer


async def conversation(bus: Bus) -> tuple[str, str, int]:
    """A session with a secret in its title, a message, its edit and an answer; the message, the reply, the last seq."""
    await wait_for_events(bus.js)
    reply_id = ids.uuid7()
    await put(bus, created("s1", title=f"on {SECRET}s"))
    await put(bus, posted("s2", "elsewhere"))
    said = posted("s1", f"my {SECRET}", reply_id=reply_id, actor_name="Ada")
    await put(bus, said)
    edited = MessageEdited(message_id=said.id, chat_id="c1", content=f"our {SECRET}")
    await put(bus, envelope("s1", edited))
    for event in answered("s1", reply_id, f"the {SECRET} sings"):
        await put(bus, event)
    last = await put(bus, posted("s1", "something else", actor="bob"))
    return said.id, reply_id, last.seq


async def test_a_message_its_edits_and_what_repeats_it_can_be_erased(nats_url: str, database_url: str) -> None:
    async with (
        running("history", environment(nats_url, database_url)),
        surroundings(nats_url, database_url) as (bus, engine),
    ):
        message_id, reply_id, last = await conversation(bus)
        await reaches(engine, last)
        before = await verified(engine)
        done = await erase(bus, session_id="s1", message_ids=[message_id, reply_id])
        assert (done["erasures"], done["done"]) == ([last + 1], True)
        assert done["message_ids"] == [message_id, reply_id]
        assert await left_in_the_stream(bus, SECRET) == [1], "the title was not asked for"
        assert await left_in_the_log(engine, SECRET) == 1
        page = await QueryClient(bus).ask("history", "read", {"session_id": "s1"})
        assert [event["seq"] for event in page["events"] if event.get("erased")] == [3, 4, 5, 6]
        assert page["events"][1]["remains"]["data"]["content"] == ERASED
        assert page["events"][1]["remains"]["data"]["reply_id"] == reply_id
        record = page["events"][-1]["body"]
        assert (record["actor"], record["data"]["reason"], record["data"]["seqs"]) == ("dpo", "asked for", [3, 4, 5, 6])
        await reaches(engine, last + 1)
        assert before.seq == last

        again = await erase(bus, session_id="s1", message_ids=[message_id])
        assert (again["erasures"], again["events"], again["done"]) == ([], 0, True)
        rest = await erase(bus, session_id="s1", everything=True)
        assert await left_in_the_stream(bus, SECRET) == []
        assert await left_in_the_log(engine, SECRET) == 0
        assert rest["events"] == 2
        with pytest.raises(errors.NotFound, match="not in this session"):
            await erase(bus, session_id="s2", message_ids=[message_id])
        with pytest.raises(errors.NotFound):
            await erase(bus, session_id="s9", everything=True)
        with pytest.raises(errors.BadRequest):
            await erase(bus, session_id="s1", everything=True, user="ada")


async def test_all_that_a_user_said_goes_with_the_answers_to_it(nats_url: str, database_url: str) -> None:
    async with (
        running("history", environment(nats_url, database_url)),
        surroundings(nats_url, database_url) as (bus, engine),
    ):
        await conversation(bus)
        open_reply = ids.uuid7()
        await put(bus, posted("s1", "and?", reply_id=open_reply))
        with pytest.raises(errors.Conflict, match=open_reply):
            await erase(bus, session_id="s1", user="ada")
        for event in answered("s1", open_reply, f"{SECRET}!"):
            await put(bus, event)
        await erase(bus, session_id="s1", user="ada")
        assert await left_in_the_stream(bus, SECRET) == []
        assert await left_in_the_log(engine, SECRET) == 0
        assert await left_in_the_log(engine, "Ada") == 0, "nor the name that was shown with it"
        assert await left_in_the_stream(bus, "something else") == [7]
        await reaches(engine, (await log.head(engine)).seq)


async def test_an_erasure_that_history_dies_in_is_carried_out_by_the_next_one(nats_url: str, database_url: str) -> None:
    env = environment(nats_url, database_url)
    async with surroundings(nats_url, database_url) as (bus, engine):
        async with running("history", env) as service:
            message_id, _, last = await conversation(bus)
            await reaches(engine, last)
            # Killed after the log was blanked and before the stream forgot: a lock holds the note back.
            async with db.transaction(engine) as connection:
                await connection.execute(text("LOCK TABLE log.erasures IN ACCESS EXCLUSIVE MODE"))
                order = asyncio.create_task(erase(bus, session_id="s1", message_ids=[message_id]))

                async def blanked() -> bool:
                    return await left_in_the_log(engine, f"my {SECRET}") == 0

                await eventually(blanked)
                service.kill()
            order.cancel()
        # Killed after the order was published and before it was appended: so is this one, of the answer.
        await put(bus, await erasure(engine, 6))
        # Killed in the middle of forgetting: one message is gone from the stream already, the others are not.
        if 3 in await left_in_the_stream(bus, SECRET):
            await bus.js.delete_msg(subjects.EVENTS, 3)
        async with running("history", env):

            async def carried_out() -> bool:
                async with engine.connect() as connection:
                    return not (await connection.execute(statements.PENDING)).all()

            await eventually(carried_out)
            await reaches(engine, last + 2)

            async def forgotten() -> bool:
                return await left_in_the_stream(bus, SECRET) == [1]  # nobody asked for the title

            await eventually(forgotten)
            assert await left_in_the_log(engine, SECRET) == 1
            assert (await erase(bus, session_id="s1", message_ids=[message_id]))["erasures"] == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log.events SET body = NULL, erased_by = 8 WHERE seq = 2",  # of another session
        "UPDATE log.events SET body = NULL, erased_by = 8 WHERE seq = 7",  # not named
        "UPDATE log.events SET body = NULL, erased_by = 9 WHERE seq = 8",  # the record itself
        "UPDATE log.events SET body = 'x', erased_by = 8 WHERE seq = 7",
        "UPDATE log.events SET remains = 'x' WHERE seq = 3",
        "UPDATE log.events SET body = 'x' WHERE seq = 3",
        "UPDATE log.events SET actor = 'eve' WHERE seq = 7",
        "DELETE FROM log.erasures",
    ],
)
async def test_nothing_else_can_be_taken_out_of_the_log(statement: str, database_url: str) -> None:
    from services.history.entry import Entry
    from shared.events import ContentErased, encode
    from shared.settings import DatabaseSettings

    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        epoch = (await log.head(engine)).epoch
        made = [created("s1"), posted("s2"), *(posted("s1", f"m{n}") for n in range(5))]
        made.append(envelope("s1", ContentErased(seqs=[2, 3, 8], reason="asked for")))
        await log.append(
            engine, epoch, [Entry(n, n, subjects.event(it.subject), encode(it)) for n, it in enumerate(made, start=1)]
        )
        async with engine.connect() as connection:
            gone = await connection.execute(text("SELECT seq FROM log.events WHERE body IS NULL"))
            assert list(gone.scalars()) == [3]
        with pytest.raises(IntegrityError, match="the log only grows"):
            async with db.transaction(engine) as connection:
                await connection.execute(text(statement))
