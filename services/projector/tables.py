"""The read models as tables. Nothing in a row comes from elsewhere than the log, so a rebuild makes the same rows.

`seq` is the position at which a row last changed. The schema's name has the version: a change of these tables is a new
version, filled beside the old one.
"""

from sqlalchemy import Boolean, CheckConstraint, Column, Computed, Index, Table, Text
from sqlalchemy import PrimaryKeyConstraint as Key
from sqlalchemy.dialects.postgresql import JSONB

from services.projector.columns import (
    count,
    json,
    metadata,
    money,
    of,
    one_of,
    seq,
    text_column,
    time,
    tokens,
    truth,
    words,
)
from services.projector.tables_replied import agent_contexts, agent_switches, plan_modules, plans, replies, tracks
from services.projector.tables_said import message_revisions, messages

VERSION = 3
SCHEMA = f"read_v{VERSION}"

__all__ = [
    "READ_MODELS", "SCHEMA", "VERSION", "agent_contexts", "agent_switches", "chats", "checkpoint", "message_revisions",
    "messages", "metadata", "objects", "parked", "participants", "plan_modules", "plans", "receipts", "replies",
    "sessions", "tracks",
]  # fmt: skip

sessions = Table(
    "sessions",
    metadata,
    text_column("session_id"),
    text_column("owner", null=True),  # nobody's where it was imported
    text_column("key"),
    text_column("title"),
    seq("title_seq"),
    one_of("kind", "chat", "track"),
    text_column("project"),
    text_column("active_chat"),
    json("ai_context"),
    seq("ai_context_seq"),
    time("created_at"),
    seq("created_seq"),
    time("last_activity"),
    time("archived_at", null=True),
    time("deleted_at", null=True),
    Column("is_active", Boolean, Computed("archived_at IS NULL AND deleted_at IS NULL", persisted=True)),
    count("version"),  # events so far
    count("message_count"),
    count("user_messages"),
    count("assistant_messages"),
    count("system_messages"),
    count("tool_messages"),
    count("replies_completed"),
    count("replies_failed"),
    count("replies_cancelled"),
    *tokens(),
    money("cost_usd"),
    text_column("last_message_id", null=True),
    seq("active_seq"),  # of the last event that is more than a receipt: lists are ordered by it
    seq("last_seq"),  # of the session's last event; `seq` is of the session's own settings
    seq(),
    words("title"),
    Key("session_id"),
    CheckConstraint("char_length(title) <= 200"),
    Index("sessions_by_words", "words", postgresql_using="gin"),
)

participants = Table(
    "participants",
    metadata,
    text_column("session_id"),
    text_column("user_id"),
    text_column("name"),
    one_of("role", "owner", "member", "viewer"),
    truth("guest"),
    time("joined_at"),
    seq("since_seq"),
    time("last_event_at"),
    seq("last_event_seq"),
    seq(),
    Key("session_id", "user_id"),
    of("sessions", "session_id"),
    Index("participants_by_user", "user_id", "session_id"),
)

receipts = Table(
    "receipts",
    metadata,
    text_column("session_id"),
    text_column("user_id"),
    seq("read_seq"),  # the participant has read up to here
    time("read_at"),
    seq(),
    Key("session_id", "user_id"),
    of("participants", "session_id", "user_id"),
)

chats = Table(
    "chats",
    metadata,
    text_column("session_id"),
    text_column("chat_id"),
    text_column("name"),
    seq("name_seq"),
    text_column("chat_type"),
    one_of("status", "open", "finalized"),  # finalized: it has come to a plan
    text_column("agent", null=True),
    json("ai_context"),
    seq("ai_context_seq"),
    time("created_at"),
    seq("created_seq"),
    count("message_count"),
    *tokens(),
    money("cost_usd"),
    text_column("last_message_id", null=True),
    seq("last_message_seq"),
    time("last_message_at", null=True),
    count("returns"),  # how often somebody came back to it while it was open
    time("finalized_at", null=True),
    seq(),
    Key("session_id", "chat_id"),
    of("sessions", "session_id"),
    Index("chats_by_id", "chat_id"),
    Index("chats_by_start", "chat_type", "created_at"),
)

objects = Table(
    "objects",
    metadata,
    text_column("session_id"),
    Column("target", Text(collation="C"), nullable=False),
    text_column("kind"),
    Column("payload", JSONB(none_as_null=False), nullable=False),
    text_column("author"),
    time("changed_at"),
    seq(),
    Key("session_id", "target"),
    of("sessions", "session_id"),
)

parked = Table("parked", metadata, text_column("session_id"), seq(), text_column("reason"), Key("session_id"))

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("single", Boolean, CheckConstraint("single"), primary_key=True, server_default="true"),
    text_column("epoch"),
    seq(),
)

# What the fold fills, parents first.
READ_MODELS: dict[str, Table] = {
    table.name: table
    for table in (
        sessions, participants, receipts, chats, messages, message_revisions, agent_contexts, agent_switches, replies,
        tracks, plans, plan_modules, objects,
    )
}  # fmt: skip
