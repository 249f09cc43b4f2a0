"""The statements about what is to be erased, and what was."""

from typing import Final

from sqlalchemy import text

BEGIN: Final = text("SELECT 1")  # the transaction starts with a statement through SQLAlchemy

KNOWN: Final = text("SELECT 1 FROM log.events WHERE session_id = :session_id LIMIT 1")

ERASED: Final = text("SELECT seq FROM log.events WHERE session_id = :session_id AND erased_by IS NOT NULL")

MESSAGES: Final = text("""
SELECT event_id FROM log.events
WHERE session_id = :session_id AND event_id = ANY(:ids) AND type = 'message.posted.v1'
UNION
SELECT reply_id FROM log.events
WHERE session_id = :session_id AND reply_id = ANY(:ids) AND type = 'reply.completed.v1'
""")

_ABOUT = "(:everything OR a.actor = :user OR a.event_id = ANY(:ids))"
OPEN_REPLIES: Final = text(f"""
SELECT a.reply_id FROM log.events a
WHERE a.session_id = :session_id AND a.reply_id IS NOT NULL AND {_ABOUT}
  AND a.type IN ('message.posted.v1', 'reply.requested.v1', 'session.created.v1')
  AND a.stream_time_ns > (extract(epoch FROM now()) - 3600)::bigint * 1000000000
  AND NOT EXISTS (
    SELECT FROM log.events e
    WHERE e.session_id = a.session_id AND e.seq > a.seq AND e.reply_id = a.reply_id
      AND e.type IN ('reply.completed.v1', 'reply.failed.v1', 'plan.finalized.v1')
  )
ORDER BY a.seq LIMIT 10
""")  # noqa: S608 - no value is in it

# In order, each with whether the order is about it; edits and starts of replies are looked into as well.
CANDIDATES: Final = """
SELECT * FROM (
    SELECT e.seq, e.stream_time_ns, e.event_id, e.type, e.reply_id, e.body, e.body_digest, e.malformed,
           $3 OR e.actor IS NOT DISTINCT FROM $4::text AND $4 IS NOT NULL
           OR e.event_id = ANY($5::text[])
           OR e.reply_id = ANY($5) AND e.type NOT IN ('message.posted.v1', 'reply.requested.v1', 'session.created.v1')
           OR $4 IS NOT NULL AND e.reply_id IN (
               SELECT a.reply_id FROM log.events a
               WHERE a.session_id = $1 AND a.actor = $4 AND a.reply_id IS NOT NULL
           ) AS chosen
    FROM log.events e
    WHERE e.session_id = $1 AND e.seq > $2 AND e.body IS NOT NULL AND e.erased_by IS NULL
      AND e.type IS DISTINCT FROM 'content.erased.v1'
) found
WHERE chosen OR type IN ('message.edited.v1', 'reply.started.v1')
ORDER BY seq
"""

# Of an erasure: everything that it erased.
NAMED: Final = text("SELECT seq FROM log.events WHERE erased_by = :seq ORDER BY seq")

PENDING: Final = text("""
SELECT e.seq, e.session_id FROM log.events e
WHERE e.type = 'content.erased.v1' AND e.duplicate_of IS NULL AND NOT e.malformed
  AND NOT EXISTS (SELECT FROM log.erasures d WHERE d.seq = e.seq)
ORDER BY e.seq
""")

DONE: Final = text("INSERT INTO log.erasures (seq) VALUES (:seq) ON CONFLICT DO NOTHING")
