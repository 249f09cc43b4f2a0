"""Where the two sides do not say the same: which messages, and how."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from sqlalchemy.ext.asyncio import AsyncEngine

from services.ops.importing import target
from services.ops.importing.events import Made, Maker, Said, session_id
from services.ops.importing.old import Broken, Difference, OldSession, Source

LOST, ALTERED, DOUBLED = "it is not in the log", "the log says something else", "the log has it twice"
GONE, ERASED, ORDER = "it is no longer in the source", "it was erased here since", "the log has another order"


async def differences(
    source: Source, name: str, engine: AsyncEngine, sessions: set[str], until: int
) -> AsyncGenerator[Difference]:
    """Every message of these sessions in which the sides differ, by its key in the source, or its id in the log."""
    left = set(sessions)
    async with aclosing(source.sessions()) as every:
        async for session in every:
            if isinstance(session, OldSession) and (at := session_id(name, session.key)) in left:
                left.discard(at)
                async for found in _of(source, name, engine, session, until):
                    yield found
    for at in sorted(left):
        yield Difference(at, "", GONE)


async def _of(
    source: Source, name: str, engine: AsyncEngine, session: OldSession, until: int
) -> AsyncGenerator[Difference]:
    maker = Maker(name, session)
    here: dict[str, Said | None] = {}
    doubled: set[str] = set()
    async for _, event_id, said in target.messages(engine, [maker.session_id], name, until):
        doubled |= {event_id} & here.keys()
        here[event_id] = said
    there: dict[str, str] = {}
    same = True
    async for old in source.messages(session):
        made = old if isinstance(old, Broken) else maker.message(old)
        if not isinstance(made, Made):
            continue
        key = there[made.id] = old.key
        what = LOST if made.id not in here else ERASED if here[made.id] is None else ""
        what = what or (ALTERED if here[made.id] != made.said else DOUBLED if made.id in doubled else "")
        if what:
            same = False
            yield Difference(maker.session_id, key, what)
    for event_id, said in here.items():
        if event_id not in there and said is not None:
            same = False
            yield Difference(maker.session_id, event_id, GONE)
    if same:
        yield Difference(maker.session_id, session.key, ORDER)
