"""For programs: JSON, JSON lines, CSV."""

import csv
import io
from typing import Any, ClassVar

import orjson

from shared.transcript.entries import Entry
from shared.transcript.formats.base import chat_name
from shared.transcript.overview import Overview

COLUMNS = (
    "seq", "time", "kind", "chat", "role", "author", "author_name", "content", "state", "id", "parent", "model",
    "agent", "input_tokens", "output_tokens", "cached_tokens", "cost_usd",
)  # fmt: skip


class JsonLines:
    """The session on the first line, then an entry a line."""

    MEDIA_TYPE: ClassVar[str] = "application/jsonl"

    def begin(self, overview: Overview) -> str:
        """The session's line."""
        return _json({"session": overview.as_json()}) + "\n"

    def entry(self, entry: Entry, _overview: Overview) -> str:
        """One line."""
        return _json(entry.as_json()) + "\n"

    def end(self, _overview: Overview) -> str:
        """Nothing."""
        return ""


class Json:
    """`{"session": {...}, "entries": [...]}`, an entry a line."""

    MEDIA_TYPE: ClassVar[str] = "application/json"

    def __init__(self) -> None:
        self._begun = False

    def begin(self, overview: Overview) -> str:
        """The session, and the list opened."""
        return f'{{"session": {_json(overview.as_json())}, "entries": ['

    def entry(self, entry: Entry, _overview: Overview) -> str:
        """One element."""
        comma, self._begun = "," if self._begun else "", True
        return f"{comma}\n{_json(entry.as_json())}"

    def end(self, _overview: Overview) -> str:
        """The list closed."""
        return "\n]}\n"


class Csv:
    """One row an entry, as RFC 4180 has it. A spreadsheet takes no cell for a formula."""

    MEDIA_TYPE: ClassVar[str] = "text/csv; charset=utf-8"

    def begin(self, _overview: Overview) -> str:
        """The names of the columns."""
        return _row(COLUMNS)

    def entry(self, entry: Entry, overview: Overview) -> str:
        """One row."""
        known = {**entry.as_json(), "chat": chat_name(overview, entry.chat_id)}
        return _row([_cell(known.get(column, "")) for column in COLUMNS])

    def end(self, _overview: Overview) -> str:
        """Nothing."""
        return ""


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _row(cells: Any) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: Any) -> Any:
    """Source: OWASP, CSV injection: a text that begins like a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r\n＝＋－＠" and value else value
