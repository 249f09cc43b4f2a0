"""A session as a document: from its events, for people and programs, the same bytes for the same position.

Edits, redactions and erasures come after what they change, so the events are read twice: once for what became of each
message, once for the messages in their order. What is held in memory grows with the changes, not with the messages.
"""

from shared.transcript.entries import Entry, Item
from shared.transcript.formats import FORMATS, Format
from shared.transcript.overview import Overview
from shared.transcript.writing import Pages, items, write

__all__ = ["FORMATS", "Entry", "Format", "Item", "Overview", "Pages", "items", "write"]
