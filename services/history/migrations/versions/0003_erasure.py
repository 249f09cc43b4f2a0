"""Erasure: the one change of a row that the log lets through, and only where an appended event orders it."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = "ALTER TABLE log.events ADD COLUMN remains bytea, ADD COLUMN erased_by bigint CHECK (erased_by > seq)"

COMMENTS = (
    "COMMENT ON COLUMN log.events.remains IS 'once erased: the body without what was said, as erased_by has it'",
    "COMMENT ON COLUMN log.events.erased_by IS 'the position of the content.erased event that ordered the erasure'",
)

INDEXES = (
    "CREATE INDEX events_erasing ON log.events (seq) WHERE type = 'content.erased.v1'",
    "CREATE INDEX events_erased ON log.events (erased_by) WHERE erased_by IS NOT NULL",
)

DONE = """
CREATE TABLE log.erasures (
    seq     bigint PRIMARY KEY CHECK (seq > 0),
    done_at timestamptz NOT NULL DEFAULT now()
)
"""

REFUSE_CHANGE = """
CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept log.events := NEW;
    said json;
BEGIN
    kept.body := OLD.body;
    kept.remains := OLD.remains;
    kept.erased_by := OLD.erased_by;
    IF kept IS DISTINCT FROM OLD OR NEW.body IS NOT NULL OR NEW.erased_by IS NULL OR OLD.erased_by IS NOT NULL
       OR OLD.type IS NOT DISTINCT FROM 'content.erased.v1' THEN
        RAISE EXCEPTION 'the log only grows: % on log.% is refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT convert_from(e.body, 'UTF8')::json INTO said FROM log.events e
    WHERE e.seq = NEW.erased_by AND e.session_id = OLD.session_id AND e.type = 'content.erased.v1'
      AND e.duplicate_of IS NULL AND NOT e.malformed;
    IF said IS NULL OR NOT (said -> 'data' -> 'seqs')::jsonb @> to_jsonb(OLD.seq) THEN
        RAISE EXCEPTION 'the log only grows: no event orders that position % is erased', OLD.seq
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$
"""

TRIGGERS = (
    "DROP TRIGGER events_only_grow ON log.events",
    "CREATE TRIGGER events_only_grow BEFORE DELETE OR TRUNCATE ON log.events EXECUTE FUNCTION log.refuse()",
    "CREATE TRIGGER events_stay BEFORE UPDATE ON log.events FOR EACH ROW EXECUTE FUNCTION log.refuse_change()",
    "CREATE TRIGGER erasures_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON log.erasures "
    "EXECUTE FUNCTION log.refuse()",
    "ALTER TABLE log.events ENABLE ALWAYS TRIGGER events_only_grow",
    "ALTER TABLE log.events ENABLE ALWAYS TRIGGER events_stay",
    "ALTER TABLE log.erasures ENABLE ALWAYS TRIGGER erasures_only_grow",
)

BACK = (
    "DROP TRIGGER events_stay ON log.events",
    "DROP TRIGGER events_only_grow ON log.events",
    "DROP FUNCTION log.refuse_change()",
    "DROP TABLE log.erasures",
    "DROP INDEX log.events_erasing",
    "ALTER TABLE log.events DROP COLUMN remains, DROP COLUMN erased_by",
    "CREATE TRIGGER events_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON log.events EXECUTE FUNCTION log.refuse()",
    "ALTER TABLE log.events ENABLE ALWAYS TRIGGER events_only_grow",
)


def upgrade() -> None:
    """Rows can be erased. None is yet."""
    for statement in (COLUMNS, *COMMENTS, *INDEXES, DONE, REFUSE_CHANGE, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    """Nothing can be erased any more. What was is gone all the same, and now its remains too."""
    for statement in BACK:
        op.execute(statement)
