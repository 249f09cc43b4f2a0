"""The read models as tables. Nothing in a row comes from elsewhere than the log, so a rebuild makes the same rows.

`seq` is the position at which a row last changed. The schema's name has the version: a change of these tables is a new
version, filled beside the old one.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.schema import SchemaItem

VERSION = 1
SCHEMA = f"read_v{VERSION}"

metadata = MetaData()


def _text(name: str, null: bool = False) -> Column[str]:
    return Column(name, Text, nullable=null)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, CheckConstraint(f"{name} >= 0"), nullable=False, server_default="0")


def _time(name: str, null: bool = False) -> Column[object]:
    return Column(name, TIMESTAMP(timezone=True), nullable=null)


def _seq(name: str = "seq") -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _of(parent: str, *columns: str) -> SchemaItem:
    return ForeignKeyConstraint(columns, [f"{parent}.{column}" for column in columns], ondelete="CASCADE")


sessions = Table(
    "sessions",
    metadata,
    _text("session_id"),
    _text("owner", null=True),
    _text("title"),
    Column("kind", Text, CheckConstraint("kind IN ('chat', 'track')"), nullable=False),
    _text("project"),
    _text("active_chat"),
    Column("ai_context", JSONB, nullable=False),
    _time("created_at"),
    _time("last_activity"),
    _time("archived_at", null=True),
    _time("deleted_at", null=True),
    _count("message_count"),
    _count("input_tokens"),
    _count("output_tokens"),
    _count("cached_tokens"),
    Column("last_message_id", Text),
    _seq("active_seq"),  # of the last event that is more than a receipt: lists are ordered by it
    _seq("last_seq"),  # of the session's last event; `seq` is of the session's own settings
    _seq(),
    PrimaryKeyConstraint("session_id"),
    CheckConstraint("char_length(title) <= 200"),
)

participants = Table(
    "participants",
    metadata,
    _text("session_id"),
    _text("user_id"),
    _text("name"),
    Column("role", Text, CheckConstraint("role IN ('owner', 'member', 'viewer')"), nullable=False),
    _time("joined_at"),
    _seq("since_seq"),
    _seq("read_seq"),  # the participant has read up to here
    _seq(),
    PrimaryKeyConstraint("session_id", "user_id"),
    _of("sessions", "session_id"),
    Index("participants_by_user", "user_id", "session_id"),
)

chats = Table(
    "chats",
    metadata,
    _text("session_id"),
    _text("chat_id"),
    _text("name"),
    _text("chat_type"),
    Column("ai_context", JSONB, nullable=False),
    _time("created_at"),
    _seq("created_seq"),
    _count("message_count"),
    _seq(),
    PrimaryKeyConstraint("session_id", "chat_id"),
    _of("sessions", "session_id"),
)

messages = Table(
    "messages",
    metadata,
    _text("session_id"),
    _text("message_id"),
    _text("chat_id"),
    Column("role", Text, CheckConstraint("role IN ('user', 'assistant', 'system', 'tool')"), nullable=False),
    _text("author"),
    _text("author_name"),
    _text("content"),
    Column("metadata", JSONB, nullable=False),
    Column("redacted", Boolean, nullable=False),
    _time("edited_at", null=True),
    Column("parent", Text),
    Column("agent", Text),
    Column("model", Text),
    Column("finish_reason", Text),
    _count("input_tokens"),
    _count("output_tokens"),
    _count("cached_tokens"),
    Column("usage_estimated", Boolean, nullable=False),
    _time("created_at"),
    _seq("created_seq"),
    _seq(),
    PrimaryKeyConstraint("session_id", "message_id"),
    _of("chats", "session_id", "chat_id"),
    Index("messages_of_session", "session_id", "created_seq"),
    Index("messages_of_chat", "session_id", "chat_id", "created_seq"),
)

replies = Table(
    "replies",
    metadata,
    _text("session_id"),
    _text("reply_id"),
    _text("chat_id"),
    _text("prompt_id"),
    Column(
        "status",
        Text,
        CheckConstraint("status IN ('requested', 'running', 'completed', 'failed')"),
        nullable=False,
    ),
    Column("attempt", Integer, CheckConstraint("attempt >= 0"), nullable=False),
    Column("model", Text),
    Column("agent", Text),
    Column("reason", Text),
    _seq("requested_seq"),
    _time("requested_at"),
    _time("started_at", null=True),
    _time("ended_at", null=True),
    Column("first_token_ms", BigInteger),
    Column("total_ms", BigInteger),
    _seq(),
    PrimaryKeyConstraint("session_id", "reply_id"),
    _of("chats", "session_id", "chat_id"),
    Index("replies_open", "requested_seq", postgresql_where=text("status IN ('requested', 'running')")),
)

objects = Table(
    "objects",
    metadata,
    _text("session_id"),
    Column("target", Text(collation="C"), nullable=False),
    _text("kind"),
    Column("payload", JSONB(none_as_null=False), nullable=False),
    _text("author"),
    _time("changed_at"),
    _seq(),
    PrimaryKeyConstraint("session_id", "target"),
    _of("sessions", "session_id"),
)

parked = Table(
    "parked",
    metadata,
    _text("session_id"),
    _seq(),
    _text("reason"),
    PrimaryKeyConstraint("session_id"),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("single", Boolean, CheckConstraint("single"), primary_key=True, server_default="true"),
    _text("epoch"),
    _seq(),
)

# What the fold fills, parents first.
READ_MODELS: dict[str, Table] = {
    table.name: table for table in (sessions, participants, chats, messages, replies, objects)
}
