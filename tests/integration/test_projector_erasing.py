"""An erasure reaches the tables that a rebuild keeps: nothing to go back to may hold the words."""

from services.history import log
from services.history.entry import Entry
from services.projector import store
from services.projector.projection import Projection
from shared import subjects
from shared.events import ContentErased, encode
from tests.support.conversation import envelope
from tests.support.readmodels import PAGE, folded, live_name, names, run


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
        code, said = await run(database_url, "rebuild", "--rollback")
        assert (code, "nothing is kept" in said) == (1, True), said
