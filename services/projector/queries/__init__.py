"""The answers. Each is read in one snapshot of the database, and says with `at` of which position."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.projector import live, requests, store
from services.projector.progress import Progress
from services.projector.queries import conversation, lists, past, snapshot, sums, waiting
from services.projector.queries.timing import timed

Answer = Callable[[AsyncConnection, Any, int], Awaitable[dict[str, Any]]]

# By name: what is asked, and who answers.
QUERIES: dict[str, tuple[type[requests.Request], Answer]] = {
    "snapshot": (requests.Snapshot, snapshot.snapshot),
    "sessions": (requests.Sessions, lists.sessions_list),
    "chat": (requests.ChatOf, lists.chat),
    "reply": (requests.ReplyOf, lists.reply),
    "objects": (requests.Objects, lists.objects_page),
    "chat_history": (requests.ChatHistory, conversation.chat_history),
    "context": (requests.ChatContext, conversation.context),
    "target": (requests.Target, conversation.target),
    "revisions": (requests.Revisions, conversation.revisions),
    "stats": (requests.Session, sums.stats),
    "timeline": (requests.Timeline, past.timeline),
    "at": (requests.AsOf, past.at),
    "usage": (requests.Usage, sums.usage),
    "spent": (requests.Spent, sums.spent),
    "analytics": (requests.Period, sums.analytics),
    "open_replies": (requests.OpenReplies, waiting.open_replies),
}


class Queries:
    """Any instance may answer: the database is the same."""

    def __init__(self, engine: AsyncEngine, progress: Progress) -> None:
        self._engine = engine
        self._progress = progress

    async def ask(self, name: str, request: requests.Request) -> dict[str, Any]:
        """The answer to one of `QUERIES`.

        Raises:
            Unavailable: `min_seq` is not applied yet, or the database takes too long.
            NotFound, BadRequest: as the query says.
        """
        await self._progress.wait_for(request.min_seq)
        with timed(name):
            async with live.reading(self._engine) as connection:
                at = (await store.checkpoint(connection)).seq
                return {"at": at, **await QUERIES[name][1](connection, request, at)}
