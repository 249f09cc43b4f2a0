"""A session that can't be folded is left behind, named everywhere, and comes back whole."""

import json
from typing import Any

import pytest

from services.ops.checks import projections
from services.ops.checks.finding import Subject
from services.ops.datadir import DataDir
from services.projector import live, parking, store
from shared import db, ids
from shared.events import MessageEdited
from shared.settings import DatabaseSettings
from tests.support.conversation import answered, created, envelope, posted
from tests.support.folding import answer, append, everything, fold_all
from tests.support.logs import environment, has_role, readiness
from tests.support.readmodels import run
from tests.support.services import running
from tests.support.tampering import tampered

MENDED = "UPDATE log.events SET body = replace(convert_from(body, 'UTF8'), 'nowhere', 'c1')::bytea WHERE seq = 4"


async def test_a_parked_session_is_named_and_comes_back_from_its_first_event(
    nats_url: str, database_url: str, data_dir: Any
) -> None:
    reply, said = ids.uuid7(), posted("s1", "first")
    events = [created("s1"), created("s2"), said, posted("s1", "lost", "nowhere", reply_id=reply)]
    events += [envelope("s1", MessageEdited(message_id=said.id, chat_id="c1", content="second"))]
    events += [*answered("s1", reply, "found"), posted("s2", "meanwhile")]
    async with (
        db.engine(DatabaseSettings(database_url=database_url)) as pool,
        running("projector", environment(nats_url, database_url)) as projector,
    ):
        await has_role(projector, "active")
        await append(pool, events)
        await fold_all(pool, page=3)
        (one,) = await parking.parked_sessions(pool)
        assert (one.session_id, one.seq) == ("s1", 4)
        assert "nowhere" in one.reason

        checks = (await readiness(projector))["checks"]
        assert checks["parked"]["first"][0]["session_id"] == "s1"
        finding = await projections.parked(Subject(DataDir(data_dir), nats_url, database_url, 8000, {}))
        assert not finding.ok
        assert "s1 at 4" in finding.cause
        code, told = await run(database_url, "parked", "list", "--json")
        assert (code, [found["session_id"] for found in json.loads(told)]) == (0, ["s1"])

        code, told = await run(database_url, "parked", "retry", "s1")
        assert (code, "at position 4" in told) == (1, True), told
        assert await parking.parked_sessions(pool) == [one]

        await tampered(database_url, MENDED)
        code, told = await run(database_url, "parked", "retry", "s1")
        assert (code, "6 events" in told) == (0, True), told
        assert await parking.parked_sessions(pool) == []
        with pytest.raises(parking.NotParked):
            await parking.retry(pool, "s1")
        await append(pool, [posted("s1", "after")])
        await fold_all(pool)
        code, told = await run(database_url, "verify-read-models")
        assert (code, "up to 9" in told) == (0, True), told


async def test_a_parked_sessions_rows_do_not_depend_on_where_pages_begin(database_url: str) -> None:
    reply = ids.uuid7()
    refused = answer("s1", reply, "refused", attempt=2**40)  # by the column, when all is written
    events = [created("s1"), created("s2"), posted("s1", "one", reply_id=reply), posted("s1", "two"), refused]
    events += [posted("s2", "meanwhile"), posted("s1", "lost", "nowhere"), posted("s1", "three"), posted("s2", "after")]
    async with db.engine(DatabaseSettings(database_url=database_url)) as pool:
        await append(pool, events)
        await fold_all(pool, page=1)
        before, parked = await everything(pool), await parking.parked_sessions(pool)
        assert ([(one.session_id, one.seq) for one in parked], len(before["messages"])) == ([("s1", 5)], 4)
        for page in (2, 3, 4, 7, 500):
            await store.clear(store.in_schema(pool, await live.ensure(pool)))
            await fold_all(pool, page)
            assert (await everything(pool), await parking.parked_sessions(pool)) == (before, parked), page
        code, told = await run(database_url, "verify-read-models")
        assert (code, "up to 9" in told) == (0, True), told


async def test_the_pools_of_all_services_fit_the_server(database_url: str, data_dir: Any) -> None:
    subject = Subject(DataDir(data_dir), None, database_url, 8000, {})
    finding = await projections.connections(subject)
    assert finding.ok, finding
    greedy = Subject(DataDir(data_dir), None, database_url, 8000, {"ANTIPHON_POOL_SIZE": "200"})
    finding = await projections.connections(greedy)
    assert not finding.ok
    assert "446; the server allows 197" in finding.cause
