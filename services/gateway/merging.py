"""Chunks of replies that a slow reader was not sent: remembered by where they began, made up for by one chunk each.

The texts themselves are in the feed. So what is kept for a reader that is behind does not grow with what it misses.
"""

from typing import Any

import orjson

DELTA = b'"reply.delta"'


class Skipped:
    """Where each reply's text was cut off for one reader."""

    __slots__ = ("_cuts",)

    def __init__(self) -> None:
        self._cuts: dict[str, tuple[int, int]] = {}  # by reply: the attempt, and the code points the reader has of it

    def __bool__(self) -> bool:
        return bool(self._cuts)

    def note(self, push: bytes) -> None:
        """A push that the reader is not sent. What is no chunk is not made up for."""
        if DELTA not in push:
            return
        chunk = orjson.loads(push)["push"]["pub"]["data"]
        if not isinstance(chunk, dict) or chunk.get("type") != "reply.delta":
            return
        cut = self._cuts.get(chunk["reply_id"])
        if cut is None or cut[0] < chunk["attempt"]:
            self._cuts[chunk["reply_id"]] = (chunk["attempt"], chunk["position"])

    def merged(self, running: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A chunk for each reply that still runs, from the cut to where its text is now; nothing is skipped any more.

        Of a reply that has ended there is none: its end, which is an event, holds the whole text.
        """
        chunks = []
        for row in running:
            attempt, position = self._cuts.get(row["reply_id"], (0, len(row["text"])))
            start = position if attempt in (0, row["attempt"]) else 0  # a later attempt begins anew
            if text := row["text"][start:]:
                chunks.append({"type": "reply.delta", **row, "position": start, "text": text})
        self._cuts.clear()
        return chunks
