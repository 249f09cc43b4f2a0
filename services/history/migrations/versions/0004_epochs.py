"""Every identity that the log has had: from which position on, since when, by whose order and why."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

EPOCHS = """
CREATE TABLE log.epochs (
    epoch      text PRIMARY KEY CHECK (epoch <> ''),
    first_seq  bigint NOT NULL CHECK (first_seq > 0),
    began_at   timestamptz NOT NULL DEFAULT now(),
    ordered_by text NOT NULL,
    reason     text NOT NULL
)
"""

# A log from before this table has had one epoch, or more that nobody noted: the rows say from where on.
FIRST = """
INSERT INTO log.epochs (epoch, first_seq, ordered_by, reason)
SELECT epoch, min(seq), 'migration', 'found in the log' FROM (
    SELECT epoch, seq FROM log.events UNION ALL SELECT epoch, seq + 1 FROM log.head
) known GROUP BY epoch
"""

TRIGGERS = (
    "CREATE TRIGGER epochs_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON log.epochs EXECUTE FUNCTION log.refuse()",
    "ALTER TABLE log.epochs ENABLE ALWAYS TRIGGER epochs_only_grow",
)


def upgrade() -> None:
    """The epochs that the log has had so far are noted."""
    for statement in (EPOCHS, FIRST, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    """Nobody knows any more who ordered an epoch and why. Each row of the log still says its own."""
    op.execute("DROP TABLE log.epochs")
