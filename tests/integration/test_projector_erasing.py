"""An erasure reaches the tables that a rebuild keeps: nothing to go back to may hold the words."""

import pytest

from services.history import log
from services.history.entry import Entry
from services.projector import live, parking, store
from services.projector.projection import Projection
from shared import ids, subjects
from shared.events import ContentErased, encode
from tests.support.conversation import answered, created, envelope, posted
from tests.support.folding import asking, everything, fold_all, said
from tests.support.logs import erased
from tests.support.readmodels import PAGE, folded, live_name, names, run
from tests.support.tampering import tampered

MENDED_REMAINS = (
    "UPDATE log.events SET remains = replace(convert_from(remains, 'UTF8'), 'nowhere', 'c1')::bytea WHERE seq = 4"
)


async def test_what_a_rebuild_has_kept_goes_with_the_first_erasure(database_url: str) -> None:
    async with folded(database_url, 30) as pool:
        before = await live_name(pool)
        assert (await run(database_url, "rebuild"))[0] == 0
        after = await live_name(pool)
        assert await names(pool) == {before: "previous", after: "live"}
        head = await log.head(pool)
        order = envelope("s0", ContentErased(seqs=[4], reason="asked for"), actor="svc/history")
        entry = Entry(head.seq + 1, 1_700_000_001_000_000_000, subjects.event("s0"), encode(order))
        await log.append(pool, head.epoch, [entry])
        assert (await Projection(store.in_schema(pool, after), after).fold(PAGE)).events == 1
        assert await names(pool) == {after: "live"}
        code, told = await run(database_url, "rebuild", "--rollback")
        assert (code, "nothing is kept" in told) == (1, True), told


async def test_an_erasure_reaches_a_parked_session_and_what_a_rebuild_has_kept_of_it(database_url: str) -> None:
    async with asking(database_url) as projector:
        pool, reply = projector.pool, ids.uuid7()
        events = [created("s1"), posted("s1", "my nightingale", reply_id=reply), created("s2")]
        events += [posted("s1", "the lark", "nowhere"), *answered("s1", reply, "sang"), posted("s2", "meanwhile")]
        await projector.told(*events)
        assert said(await projector.ask("chat_history", session_id="s1", chat_id="c1")) == ["my nightingale"]
        assert (await run(database_url, "rebuild"))[0] == 0
        await erased(pool, 2, 4)
        after = await live_name(pool)
        assert (await Projection(store.in_schema(pool, after), after).fold(PAGE)).events == 1
        assert await names(pool) == {after: "live"}

        assert said(await projector.ask("chat_history", session_id="s1", chat_id="c1")) == []
        rows, parked = await everything(pool), await parking.parked_sessions(pool)
        assert "nightingale" not in str(rows)
        assert {row.session_id for of in rows.values() for row in of} == {"s2"}
        assert [(one.session_id, one.seq) for one in parked] == [("s1", 4)]
        code, told = await run(database_url, "verify-read-models")
        assert (code, "up to 8" in told) == (0, True), told
        for page in (1, 3, 500):
            await store.clear(store.in_schema(pool, await live.ensure(pool)))
            await fold_all(pool, page)
            assert (await everything(pool), await parking.parked_sessions(pool)) == (rows, parked), page

        with pytest.raises(parking.StillParked, match="nowhere"):
            await parking.retry(pool, "s1")
        await tampered(database_url, MENDED_REMAINS)
        assert await parking.retry(pool, "s1") == 6
        assert said(await projector.ask("chat_history", session_id="s1", chat_id="c1")) == ["", "", "sang"]
        assert (await run(database_url, "verify-read-models"))[0] == 0
