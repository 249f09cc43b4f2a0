"""The short way into the log: what continues what this process appended last is one statement, which is a transaction.

A round of a few events costs mostly its statements. Whatever is not plain goes the whole way, `log.append`, which says
what is wrong: so does what the database does not let continue.
"""

import asyncpg

from services.history import log, sql
from services.history.chain import Anchor
from services.history.entry import Entry, columns
from services.history.log import Appended
from shared.events import ContentErased

MOST = 200  # entries; a COPY takes less for more of them


async def append(
    raw: "asyncpg.connection.Connection[asyncpg.Record]", epoch: str, at: Anchor, entries: list[Entry]
) -> Appended | None:
    """Afterwards the log holds the entries behind `at`, each once, committed. `raw` is in no transaction.

    None: they can't go this way, or the log does not end `at` any more; nothing was appended.
    """
    if len(entries) > MOST or not _continue(at.seq, entries):
        return None
    read = [columns(entry) for entry in entries]
    if any(it.type == ContentErased.TYPE for it in read):
        return None
    seals = log.sealed(epoch, at.hash, entries)
    end = Anchor(entries[-1].seq, seals[-1][1])
    arrays = zip(*log.rows(epoch, entries, read, seals, log.copies(entries, read)), strict=True)
    stored = await raw.fetch(sql.CONTINUE, end.seq, end.hash, epoch, at.seq, at.hash, *map(list, arrays))
    if not stored:
        return None
    duplicates = sum(record["duplicate_of"] is not None for record in stored)
    return Appended(end, len(entries), sum(it.malformed for it in read), duplicates)


def _continue(seq: int, entries: list[Entry]) -> bool:
    return all(entry.seq == expected for expected, entry in enumerate(entries, seq + 1))
