"""In which session something is, where only a chat or a reply was named. It stays there, so what is known is kept."""

from collections import OrderedDict
from typing import Any

import nats.errors
from nats.js.errors import Error as JetStreamError

from shared import errors, subjects
from shared.bus.connection import Bus
from shared.bus.query import QueryClient

MAX_KNOWN = 10_000


class Places:
    """Sessions by user and thing: somebody else may have opened a chat under the same id in a session of their own."""

    def __init__(self, bus: Bus, queries: QueryClient, max_known: int = MAX_KNOWN) -> None:
        self._bus = bus
        self._queries = queries
        self._max_known = max_known
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()

    def learn(self, user: str, thing_id: str, session_id: str) -> None:
        """The user's chat or reply is in this session. What was known first stays."""
        self._known.setdefault((user, thing_id), session_id)
        self._known.move_to_end((user, thing_id))
        if len(self._known) > self._max_known:
            self._known.popitem(last=False)

    async def of_chat(self, user: str, chat_id: str) -> str:
        """The session with this chat in which the user takes part. That may have ended since: it gives no access.

        Raises:
            NotFound: there was none when this was called, or not for this user.
            Unavailable: the projector can't tell.
        """
        return await self._of("chat", user, chat_id)

    async def of_reply(self, user: str, reply_id: str) -> str:
        """The same for the session in which a reply was asked for."""
        return await self._of("reply", user, reply_id)

    async def _of(self, kind: str, user: str, thing_id: str) -> str:
        if "\x00" in thing_id:
            raise errors.NotFound(kind)
        session_id = self._known.get((user, thing_id)) or await self._ask(kind, user, thing_id)
        self.learn(user, thing_id, session_id)
        return session_id

    async def _ask(self, kind: str, user: str, thing_id: str) -> str:
        question: dict[str, Any] = {f"{kind}_id": thing_id, "user": user}
        try:
            found = await self._queries.ask("projector", kind, question)
        except errors.NotFound:  # as far as the projector has come
            question["min_seq"] = await self._head()
            found = await self._queries.ask("projector", kind, question)
        return str(found["session_id"])

    async def _head(self) -> int:
        try:
            return int((await self._bus.js.stream_info(subjects.EVENTS)).state.last_seq)
        except (nats.errors.Error, JetStreamError, ConnectionError) as error:
            raise errors.Unavailable("the bus is away") from error
