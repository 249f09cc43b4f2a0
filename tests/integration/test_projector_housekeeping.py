"""Sessions that nobody needs: deleted, archived or erased, on record, and never under somebody's hands."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.projector.due import Kind
from services.projector.housekeeping import DAY_S, Housekeeper
from services.projector.rebuild import Rebuild
from services.projector.settings import ProjectorSettings
from shared import ids
from shared.bus.connection import Bus
from shared.bus.query import QueryClient
from shared.bus.streams import wait_for_events
from shared.events import ParticipantJoined, SessionCreated, SessionDeleted, SessionRestored
from tests.support.conversation import created, envelope, posted, put
from tests.support.eventually import eventually
from tests.support.logs import environment, surroundings
from tests.support.services import running

SOON = str(2 / DAY_S)
SECRET = "a word that must go"


@asynccontextmanager
async def owners(nats_url: str, database_url: str, **settings: str) -> AsyncIterator[tuple[Bus, AsyncEngine]]:
    """History and projector run; `settings` are the projector's."""
    given = environment(nats_url, database_url)
    async with (
        running("history", given),
        running("projector", given | settings),
        surroundings(nats_url, database_url) as (bus, pool),
    ):
        await wait_for_events(bus.js)
        yield bus, pool


async def log_of(pool: AsyncEngine, session_id: str) -> list[tuple[str, str]]:
    """Type and actor of each event of a session."""
    query = text("SELECT type, actor FROM log.events WHERE session_id = :s ORDER BY seq")
    async with pool.connect() as connection:
        rows = (await connection.execute(query, {"s": session_id})).all()
    return [(row.type.removesuffix(".v1"), row.actor) for row in rows]


async def says(pool: AsyncEngine, words: str) -> int:
    """How many bodies of the log hold these words."""
    query = text("SELECT count(*) FROM log.events WHERE convert_from(body, 'UTF8') LIKE :words")
    async with pool.connect() as connection:
        return int((await connection.execute(query, {"words": f"%{words}%"})).scalar_one())


def guests(session_id: str, title: str = "") -> SessionCreated:
    return SessionCreated(owner="guest-1", owner_name="Guest", owner_guest=True, chat_id="c1", title=title)


async def test_idle_sessions_go_by_themselves_and_nobody_elses(nats_url: str, database_url: str) -> None:
    short = {"ANTIPHON_GUEST_IDLE_DAYS": SOON, "ANTIPHON_ARCHIVE_IDLE_DAYS": SOON, "ANTIPHON_ERASE_DELETED_DAYS": SOON}
    async with owners(nats_url, database_url, **short, ANTIPHON_HOUSEKEEPING_S="0.3") as (bus, pool):
        stop = asyncio.Event()

        async def talk() -> None:
            await put(bus, created("busy"))
            while not stop.is_set():
                await put(bus, posted("busy"))
                await asyncio.wait({asyncio.create_task(stop.wait())}, timeout=0.2)

        async with asyncio.TaskGroup() as group:
            group.create_task(talk())
            await put(bus, envelope("guests", guests("guests", SECRET), actor="guest-1", actor_name="Guest"))
            await put(bus, posted("guests", SECRET, actor="guest-1"))
            await put(bus, envelope("mixed", guests("mixed"), actor="guest-1"))
            await put(bus, envelope("mixed", ParticipantJoined(user="ada", invite_id=ids.uuid7())))
            await put(bus, created("gone", title=SECRET))
            await put(bus, posted("gone", SECRET))
            await put(bus, envelope("gone", SessionDeleted()))

            async def all_done() -> bool:
                ends = [(await log_of(pool, one))[-1:] for one in ("guests", "mixed", "gone")]
                return ends == [
                    [("content.erased", "svc/housekeeping")],
                    [("session.archived", "svc/housekeeping")],
                    [("content.erased", "svc/housekeeping")],
                ]

            await eventually(all_done, 30)
            stop.set()
        assert ("session.deleted", "svc/housekeeping") in await log_of(pool, "guests")
        assert ("session.deleted", "svc/housekeeping") not in await log_of(pool, "mixed")
        assert {kind for kind, _ in await log_of(pool, "busy")} == {"session.created", "message.posted"}
        assert await says(pool, SECRET) == 0
        work = Rebuild(pool, 200, lambda _done, _goal: None)
        await work.fill(schema := await work.candidate())
        compared = await work.compare(schema, 5)
        assert compared
        assert all(one.same for one in compared), compared
        ends = [len(await log_of(pool, one)) for one in ("guests", "mixed", "gone")]
        rounds = (await bus.js.stream_info("EVENTS")).state.last_seq
        await put(bus, posted("busy", "one more"))

        async def looked_again() -> bool:
            return (await QueryClient(bus).ask("projector", "snapshot", {"session_id": "busy"}))["at"] > rounds

        await eventually(looked_again)
        assert [len(await log_of(pool, one)) for one in ("guests", "mixed", "gone")] == ends


async def test_whoever_writes_at_the_last_moment_keeps_the_session(nats_url: str, database_url: str) -> None:
    async with owners(nats_url, database_url) as (bus, pool):
        for session_id in ("left", "saved"):
            await put(bus, envelope(session_id, guests(session_id), actor="guest-1"))
        for session_id in ("restored", "lost"):
            await put(bus, created(session_id, title=SECRET))
            last = await put(bus, envelope(session_id, SessionDeleted()))
        await QueryClient(bus).ask("projector", "snapshot", {"session_id": "lost", "min_seq": last.seq})
        tiny = 0.001 / DAY_S
        settings = ProjectorSettings(guest_idle_days=tiny, archive_idle_days=0, erase_deleted_days=tiny)
        keepers = [Housekeeper(bus, pool, settings) for _ in range(2)]

        async def all_due() -> bool:
            return len(await keepers[0].due()) == 4

        await eventually(all_due)
        found = {one.session_id: one for one in await keepers[0].due()}
        kinds: dict[str, Kind] = {one: found[one].kind for one in found}
        assert kinds == {
            "left": "guest_idle", "saved": "guest_idle", "restored": "erase_deleted", "lost": "erase_deleted"
        }  # fmt: skip
        await put(bus, posted("saved", "wait", actor="guest-1"))
        await put(bus, envelope("restored", SessionRestored()))
        done = [
            await asyncio.gather(*(keeper.carry_out(one) for keeper in keepers))
            for one in (found["saved"], found["restored"], found["left"], found["lost"])
        ]
        assert [sorted(each) for each in done] == [[False, False], [False, False], [False, True], [False, True]]
        assert (await log_of(pool, "saved"))[-1] == ("message.posted", "guest-1")
        assert (await log_of(pool, "restored"))[-1] == ("session.restored", "ada")
        await eventually(lambda: _ends(pool, "left", ("session.deleted", "svc/housekeeping")))
        assert len(await log_of(pool, "left")) == 2
        assert [kind for kind, _ in await log_of(pool, "lost")] == [
            "session.created", "session.deleted", "content.erased"
        ]  # fmt: skip


async def _ends(pool: AsyncEngine, session_id: str, how: tuple[str, str]) -> bool:
    return (await log_of(pool, session_id))[-1] == how
