"""The statements on schema `log`."""

from typing import Final

LOCK_HEAD: Final = "SELECT epoch, seq, hash FROM log.head FOR UPDATE"

READ_HEAD: Final = """
SELECT h.epoch, h.seq, h.hash, e.stream_time_ns
FROM log.head h LEFT JOIN log.events e ON e.seq = h.seq
"""

# At most one original of each (actor, event_id): no order is asked for, so the index on them is the way.
FIND_ORIGINALS: Final = """
SELECT k.place, o.seq
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k(actor, event_id, place)
CROSS JOIN LATERAL (
    SELECT e.seq FROM log.events e
    WHERE e.actor = k.actor AND e.event_id = k.event_id AND e.duplicate_of IS NULL LIMIT 1
) o
"""

# For a plain COPY: a position that is there already is an error, never passed over.
COLUMNS: Final = (
    "seq", "session_id", "event_id", "actor", "type", "occurred_at", "stream_time_ns", "subject", "reply_id", "body",
    "body_digest", "hash", "duplicate_of", "malformed", "remains", "erased_by", "epoch",
)  # fmt: skip

_TYPES: Final = {
    "seq": "bigint", "occurred_at": "timestamptz", "stream_time_ns": "bigint", "body": "bytea", "body_digest": "bytea",
    "hash": "bytea", "duplicate_of": "bigint", "malformed": "boolean", "remains": "bytea", "erased_by": "bigint",
}  # fmt: skip
_ARRAYS: Final = ", ".join(f"${place}::{_TYPES.get(name, 'text')}[]" for place, name in enumerate(COLUMNS, 6))
_GIVEN: Final = ", ".join(f"g.{name}" for name in COLUMNS).replace(
    "g.duplicate_of", "coalesce(o.seq, g.duplicate_of)"
)  # fmt: skip

# All of an append in one. Nothing is inserted unless the head is where it is said to be; the update waits for whoever
# has it locked, and then looks again. Whoever knows that the head was there has seen it committed, and with it all that
# came before: so does the snapshot of this statement, which second copies are looked for in.
CONTINUE: Final = f"""
WITH moved AS (
    UPDATE log.head SET seq = $1, hash = $2, updated_at = now() WHERE epoch = $3 AND seq = $4 AND hash = $5
    RETURNING single
)
INSERT INTO log.events ({", ".join(COLUMNS)})
SELECT {_GIVEN}
FROM moved CROSS JOIN unnest({_ARRAYS}) AS g({", ".join(COLUMNS)})
LEFT JOIN LATERAL (
    SELECT e.seq FROM log.events e
    WHERE e.actor = g.actor AND e.event_id = g.event_id AND e.duplicate_of IS NULL LIMIT 1
) o ON true
RETURNING duplicate_of
"""  # noqa: S608  # nothing in it comes from outside

BLANK: Final = """
UPDATE log.events e SET body = NULL, remains = u.remains, erased_by = $1
FROM unnest($3::bigint[], $4::bytea[]) AS u(seq, remains)
WHERE e.seq = u.seq AND e.session_id = $2 AND e.seq < $1 AND e.erased_by IS NULL
  AND e.type IS DISTINCT FROM 'content.erased.v1'
"""

MOVE_HEAD: Final = "UPDATE log.head SET seq = $1, hash = $2, updated_at = now()"

FIND_EVENT: Final = """
SELECT seq, session_id, type, body, remains FROM log.events
WHERE actor = :actor AND event_id = :id AND duplicate_of IS NULL LIMIT 1
"""

# `waiting` counts the rows up to the limit and one more: fewer returned than waiting means that there is a next page.
_PAGE = """
SELECT seq, session_id, event_id, actor, type, stream_time_ns, reply_id, body, remains, duplicate_of, malformed, waiting
FROM (
    SELECT p.*, row_number() OVER in_order AS place, count(*) OVER () AS waiting,
           sum(coalesce(octet_length(p.body), octet_length(p.remains), 0) + 400) OVER in_order AS bytes
    FROM (
        SELECT * FROM log.events WHERE {where} ORDER BY seq LIMIT :limit + 1
    ) p
    WINDOW in_order AS (ORDER BY p.seq)
) counted
WHERE place = 1 OR (place <= :limit AND bytes <= :max_bytes)
ORDER BY seq
"""
READ_SESSION: Final = _PAGE.format(where="session_id = :session_id AND seq > :after")
READ_ALL: Final = _PAGE.format(where="seq > :after")
