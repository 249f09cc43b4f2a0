"""Signed checkpoints of the log: a table that only grows, like the log."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CHECKPOINTS = """
CREATE TABLE log.checkpoints (
    seq        bigint NOT NULL CHECK (seq > 0),
    epoch      text NOT NULL,
    hash       bytea NOT NULL CHECK (octet_length(hash) = 32),
    time_ns    bigint NOT NULL,
    public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
    signature  bytea NOT NULL CHECK (octet_length(signature) = 64),
    PRIMARY KEY (seq, public_key)
)
"""

TRIGGERS = (
    "CREATE TRIGGER checkpoints_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON log.checkpoints "
    "EXECUTE FUNCTION log.refuse()",
    "ALTER TABLE log.checkpoints ENABLE ALWAYS TRIGGER checkpoints_only_grow",
)


def upgrade() -> None:
    """No checkpoint yet; the next one pins everything before it."""
    op.execute(CHECKPOINTS)
    for trigger in TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    """No checkpoints. The log stays as it is; exported ones stay good."""
    op.execute("DROP TABLE log.checkpoints")
