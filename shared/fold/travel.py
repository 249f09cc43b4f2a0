"""A session as it was: its events folded in memory by the same changes as the tables, up to a position.

However long the session is, only what a snapshot shows is kept: the newest messages of each chat, and the counters;
and which replies have ended, since a reply ends once.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from shared.events import ContentErased, MessageEdited, Recorded
from shared.fold import shapes
from shared.fold.bounds import ASIDE_BYTES, ASIDES, MAX_BYTES, fitting
from shared.fold.change import At, Change, Key, Row, Sweep
from shared.fold.changes import changes
from shared.fold.erasing import erased
from shared.fold.folding import Rows

_SHOWN = (
    "sessions", "participants", "receipts", "chats", "messages", "replies", "tracks", "plans", "plan_modules",
    "agent_switches",
)  # fmt: skip
_KEYS = {
    "sessions": ("session_id",),
    "participants": ("session_id", "user_id"),
    "receipts": ("session_id", "user_id"),
    "chats": ("session_id", "chat_id"),
    "messages": ("session_id", "message_id"),
    "tracks": ("session_id",),
    "plan_modules": ("session_id", "reply_id", "place"),
    "replies": ("session_id", "reply_id"),
    "agent_switches": ("session_id", "switched_seq"),
}
_FEW = frozenset(_SHOWN) - {"messages", "replies", "plans", "plan_modules", "agent_switches"}


class Past:
    """One session, from its first event on."""

    def __init__(self, session_id: str, messages: int) -> None:
        self._session_id = session_id
        self._messages = messages  # kept of each chat
        self._rows = Rows()
        self._ended: set[Key] = set()
        self.last_seq = 0

    def take(self, recorded: Recorded, is_erased: bool) -> None:
        """One more event. Of one whose content was erased since, nothing is shown, as today.

        Raises:
            Poison: it can't be folded; the session stays as it is.
        """
        made = changes(recorded)
        if is_erased:
            ids = [recorded.event.message_id] if isinstance(recorded.event, MessageEdited) else []
            order = ContentErased(seqs=[recorded.seq], message_ids=ids, reason="erased since")
            made += erased(order, (self._session_id,), recorded.seq)
        for change in made:
            if change.table in _SHOWN and not (change.table == "replies" and self._has_ended(change)):
                self._rows.apply(change)
        self.last_seq = recorded.seq

    def forget(self) -> None:
        """Whatever no snapshot can show any more is gone. Call it now and then."""
        kept: dict[At, Row | None] = {
            at: row for at, row in self._rows.known.items() if at[0] in _FEW and row is not None
        }
        for newest in self._newest("messages", "created_seq", self._messages):
            kept |= {("messages", key): row for key, row in fitting(newest, lambda one: one[1]["content"])}
        for newest in self._newest("agent_switches", "seq", ASIDES):
            kept |= {("agent_switches", key): row for key, row in newest}
        for newest in self._newest("replies", "ended_seq", ASIDES, lambda row: row["status"] == "failed"):
            kept |= {("replies", key): row for key, row in newest}
        kept |= {("replies", key): row for key, row in self._of("replies") if row["ended_at"] is None}
        self._ended |= {key for key, row in self._of("replies") if row["ended_at"] is not None}
        for key, row in self._newest_plans():
            kept[("plans", key)] = row
            kept |= {("plan_modules", part): row for part, row in self._of("plan_modules") if part[:2] == key}
        self._rows = Rows(kept)

    def snapshot(self, chat_id: str | None = None) -> dict[str, Any] | None:
        """The shape of `query.projector.snapshot`, with the messages of the chat that is named, of the active one if
        that was not there. None if there was no such session yet.
        """
        session = next((row for _, row in self._named("sessions")), None)
        if session is None:
            return None
        chats = sorted((row for _, row in self._named("chats")), key=lambda row: row["created_seq"])
        by_id = {row["chat_id"]: row for row in chats}
        here: str = chat_id if chat_id and chat_id in by_id else session["active_chat"]
        chat = by_id.get(here)
        said = [row for _, row in self._named("messages") if row["chat_id"] == here]
        newest = sorted(said, key=lambda row: -row["created_seq"])[: self._messages]
        fit = [shapes.message(row) for row in fitting(newest, lambda row: str(row["content"]))]
        shown = shapes.within(fit, MAX_BYTES)
        more = chat is not None and len(shown) < chat["message_count"]
        people = sorted((row for _, row in self._named("participants")), key=lambda row: row["since_seq"])
        receipts = sorted((row for _, row in self._named("receipts")), key=lambda row: row["user_id"])
        return {
            "session": shapes.session(session),
            "track": next((shapes.track(row) for _, row in self._named("tracks")), None),
            "participants": [shapes.participant(row) for row in people],
            "chats": [shapes.chat(row) for row in chats],
            "plans": self._plans(),
            "active_chat": session["active_chat"],
            "messages": shown[::-1],
            "more": more,
            **self._asides(here, shown[-1]["seq"] if more and shown else 1),
            "receipts": [shapes.receipt(row) for row in receipts],
            "running": [],
        }

    def _has_ended(self, change: Change) -> bool:
        return not isinstance(change, Sweep) and change.key in self._ended

    def _asides(self, chat_id: str, first: int) -> dict[str, Any]:
        """`{failed, switches}` from a position on."""
        ended = [shapes.failed(row) for _, row in self._named("replies") if row["status"] == "failed"]
        switched = [shapes.switch(row) for _, row in self._named("agent_switches")]

        def newest(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
            here = (one for one in found if one["chat_id"] == chat_id and one["seq"] >= first)
            return shapes.newest_within(sorted(here, key=lambda one: -one["seq"])[:ASIDES], ASIDE_BYTES)

        return {"failed": newest(ended), "switches": newest(switched)}

    def _newest(
        self, table: str, by: str, count: int, only: Callable[[Row], bool] = lambda _row: True
    ) -> list[list[tuple[Key, Row]]]:
        """Of each chat the newest rows, the last one first."""
        by_chat: dict[str, list[tuple[Key, Row]]] = defaultdict(list)
        for key, row in self._of(table):
            if only(row):
                by_chat[row["chat_id"]].append((key, row))
        return [sorted(found, key=lambda one: -one[1][by])[:count] for found in by_chat.values()]

    def _plans(self) -> list[dict[str, Any]]:
        parts = sorted(self._named("plan_modules"), key=lambda found: found[0])
        found = sorted(self._newest_plans(), key=lambda one: one[1]["seq"])
        return [
            shapes.plan({**row, "reply_id": key[1]}, [part for of, part in parts if of[:2] == key])
            for key, row in found
        ]

    def _newest_plans(self) -> list[tuple[Key, Row]]:
        newest: dict[str, tuple[Key, Row]] = {}
        for key, row in self._of("plans"):
            if row["chat_id"] not in newest or newest[row["chat_id"]][1]["seq"] < row["seq"]:
                newest[row["chat_id"]] = (key, row)
        return list(newest.values())

    def _of(self, table: str) -> list[tuple[Key, Row]]:
        return [(at[1], row) for at, row in self._rows.known.items() if at[0] == table and row is not None]

    def _named(self, table: str) -> list[tuple[Key, Row]]:
        """The rows with their keys in them, as they come out of the database."""
        return [(key, {**row, **dict(zip(_KEYS[table], key, strict=True))}) for key, row in self._of(table)]
