"""The log: its head, its events, and triggers that let it only grow."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

HEAD = """
CREATE TABLE log.head (
    single     boolean PRIMARY KEY DEFAULT true CHECK (single),
    epoch      text NOT NULL CHECK (epoch <> ''),
    seq        bigint NOT NULL CHECK (seq >= 0),
    hash       bytea NOT NULL CHECK (octet_length(hash) = 32),
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50)
"""

EVENTS = """
CREATE TABLE log.events (
    seq            bigint PRIMARY KEY CHECK (seq > 0),
    epoch          text NOT NULL,
    session_id     text NOT NULL,
    event_id       text,
    actor          text,
    type           text,
    occurred_at    timestamptz,
    stream_time_ns bigint NOT NULL,
    subject        text NOT NULL,
    reply_id       text,
    body           bytea,
    body_digest    bytea NOT NULL CHECK (octet_length(body_digest) = 32),
    hash           bytea NOT NULL CHECK (octet_length(hash) = 32),
    duplicate_of   bigint CHECK (duplicate_of < seq),
    malformed      boolean NOT NULL DEFAULT false,
    CHECK (malformed OR (event_id IS NOT NULL AND actor IS NOT NULL AND type IS NOT NULL AND occurred_at IS NOT NULL))
)
"""

COMMENTS = """
COMMENT ON COLUMN log.events.body IS 'the message as it was published; NULL once erased';
COMMENT ON COLUMN log.events.body_digest IS 'SHA-256 of the body, kept after erasure';
COMMENT ON COLUMN log.events.duplicate_of IS 'an earlier position with the same actor and id: nobody shows this one';
COMMENT ON COLUMN log.events.malformed IS 'the body is no event; it is kept as it came'
"""

REFUSE = """
CREATE FUNCTION log.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log only grows: % on log.% is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$
"""

REFUSE_BACKWARDS = """
CREATE FUNCTION log.refuse_backwards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq < OLD.seq OR (NEW.seq = OLD.seq AND NEW.hash <> OLD.hash) THEN
        RAISE EXCEPTION 'the head of the log does not go back: % to %', OLD.seq, NEW.seq
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$
"""

TRIGGERS = (
    "CREATE TRIGGER events_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON log.events EXECUTE FUNCTION log.refuse()",
    "CREATE TRIGGER head_stays BEFORE DELETE OR TRUNCATE ON log.head EXECUTE FUNCTION log.refuse()",
    "CREATE TRIGGER head_goes_on BEFORE UPDATE ON log.head FOR EACH ROW EXECUTE FUNCTION log.refuse_backwards()",
    # ALWAYS: session_replication_role does not switch them off.
    "ALTER TABLE log.events ENABLE ALWAYS TRIGGER events_only_grow",
    "ALTER TABLE log.head ENABLE ALWAYS TRIGGER head_stays",
    "ALTER TABLE log.head ENABLE ALWAYS TRIGGER head_goes_on",
)


def upgrade() -> None:
    """An empty log with an identity of its own."""
    op.execute("CREATE SCHEMA log")
    op.execute(HEAD)
    op.execute(EVENTS)
    op.execute("CREATE INDEX events_by_session ON log.events (session_id, seq)")
    op.execute("CREATE INDEX events_by_id ON log.events (actor, event_id)")
    for comment in COMMENTS.split(";\n"):
        op.execute(comment)
    op.execute(
        "INSERT INTO log.head (epoch, seq, hash) VALUES (gen_random_uuid()::text, 0, decode(repeat('00', 32), 'hex'))"
    )
    op.execute(REFUSE)
    op.execute(REFUSE_BACKWARDS)
    for trigger in TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    """No log. What it held is gone."""
    op.execute("DROP SCHEMA log CASCADE")
