"""Two releases and one database: the tables of each are apart."""

from typing import Any

import pytest

from services.projector import rebuild
from services.projector.rebuild import Rebuild
from shared import db, errors
from shared.bus.connection import connect
from shared.bus.query import QueryClient
from shared.settings import DatabaseSettings
from tests.support.conversation import created, posted
from tests.support.eventually import eventually
from tests.support.folding import append
from tests.support.logs import environment, filled
from tests.support.readmodels import PAGE, execute, folded, live_name, names, run
from tests.support.services import running


async def test_a_newer_release_fills_its_tables_while_the_older_one_answers(database_url: str) -> None:
    async with folded(database_url) as pool:
        old = await live_name(pool)
        await execute(database_url, "UPDATE read_meta.schemas SET version = version - 1")
        with pytest.raises(errors.Unavailable):
            await live_name(pool)
        work = Rebuild(pool, PAGE, lambda _done, _goal: None)
        schema = await work.candidate()
        await work.fill(schema)
        compared = await work.compare(schema, 5)
        assert [one.table for one in compared if one.live.rows] == ["sessions", "chats", "participants", "messages"]
        assert all(one.same for one in compared)
        assert await work.switch(schema) is None
        assert await names(pool) == {old: "live", schema: "live"}
        assert await live_name(pool) == schema
        code, said = await run(database_url, "rebuild", "--drop")
        assert (code, await names(pool)) == (0, {schema: "live"}), said


async def test_a_release_without_tables_refuses_until_they_are_filled(nats_url: str, database_url: str) -> None:
    given = environment(nats_url, database_url) | {"ANTIPHON_PAGE_EVENTS": "10"}
    async with folded(database_url, 1500), connect(nats_url, "test") as bus:
        await execute(database_url, "UPDATE read_meta.schemas SET version = version - 1")
        async with running("projector", given, wait_ready=False):
            refused: list[errors.Unavailable] = []

            async def answered() -> dict[str, Any] | None:
                try:
                    answer: dict[str, Any] = await QueryClient(bus).ask("projector", "stats", {"session_id": "s2"}, 1.0)
                except errors.Unavailable as error:
                    refused.append(error)
                    return None
                return answer

            answer = await eventually(answered, 30)
        assert answer is not None
        assert (answer["at"], answer["messages"]["total"]) == (1500, 499)
        assert any("no read models yet" in str(error) for error in refused)


async def test_a_release_is_filled_past_what_the_database_refuses(database_url: str) -> None:
    refused = posted("bad", "x")
    refused.data["chat_id"] = "nul\x00"
    async with db.engine(DatabaseSettings(database_url=database_url)) as pool:
        await append(pool, [created("bad"), refused])
        await filled(pool, 3000)
        name = await rebuild.ensure(pool, 500, lambda _done, _goal: None)
        work = Rebuild(pool, 500, lambda _done, _goal: None)
        assert await work.position(name) == 3002
        schema = await work.candidate()
        assert await work.fill(schema) == 3002  # so nothing is left to be folded while the live one is held up
        assert all(one.same for one in await work.compare(schema, 5))
