"""From pages of the log to the pieces of a document."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from shared import errors
from shared.session import SessionState, evolve
from shared.transcript.entries import Item
from shared.transcript.formats import Format
from shared.transcript.overview import Overview
from shared.transcript.telling import entry

Pages = Callable[
    [int], Awaitable[dict[str, Any]]
]  # the session's page after a position, as `query.history.read` has it


async def items(pages: Pages, up_to: int) -> AsyncIterator[Item]:
    """The session's events up to a position, in order.

    Raises:
        Unavailable: the log does not reach that far yet.
    """
    after: int | None = 0
    while after is not None:
        page = await pages(after)
        if page["at"] < up_to:
            raise errors.Unavailable(f"the log is at {page['at']}, not yet at {up_to}")
        for row in page["events"]:
            if row["seq"] > up_to:
                return
            if (item := Item.read(row)) is not None:
                yield item
        after = page["next"]


async def write(pages: Pages, session_id: str, up_to: int, into: Format) -> AsyncIterator[str]:
    """The document, piece by piece.

    Raises:
        NotFound: there was no such session at `up_to`.
        Unavailable: the log does not reach that far yet, or can't be read.
    """
    overview = Overview(SessionState(session_id))
    async for item in items(pages, up_to):
        overview.take(item)
    if not overview.events:
        raise errors.NotFound("session")
    yield into.begin(overview)
    state = SessionState(session_id)
    async for item in items(pages, up_to):
        said = entry(item, state, overview)
        if item.recorded is not None:
            state = evolve(state, item.recorded)
        if said is not None:
            yield into.entry(said, overview)
    yield into.end(overview)
