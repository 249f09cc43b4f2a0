"""Replies, who gives them, and the plans that some of them are.

A reply's row is also the fact that usage is summed up from: by chat, chat type, model, user and day.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Double, Index, Integer, Table, text
from sqlalchemy import PrimaryKeyConstraint as Key

from services.projector.columns import (
    count,
    json,
    metadata,
    money,
    number,
    of,
    one_of,
    seq,
    text_column,
    time,
    tokens,
    truth,
)

replies = Table(
    "replies",
    metadata,
    text_column("session_id"),
    text_column("reply_id"),
    text_column("chat_id"),
    text_column("chat_type"),
    text_column("prompt_id", null=True),
    text_column("message_id", null=True),  # the answer that another one is asked for beside
    one_of("purpose", "answer", "greet", "regenerate", "finalize"),
    one_of("status", "requested", "running", "completed", "cancelled", "failed"),
    text_column("asked_by"),
    text_column("asked_agent", null=True),
    truth("cancel_requested"),
    number("attempts"),
    text_column("model", null=True),
    text_column("agent", null=True),
    text_column("fail_reason", null=True),
    text_column("fail_message"),
    text_column("partial"),
    text_column("finish_reason", null=True),
    json("manifest"),
    *tokens(),
    money("cost_usd", null=True),
    truth("usage_estimated"),
    seq("requested_seq"),
    time("requested_at"),
    time("started_at", null=True),
    Column("started_seq", BigInteger),
    time("ended_at", null=True),
    Column("ended_seq", BigInteger),
    Column("first_token_ms", BigInteger),
    Column("total_ms", BigInteger),
    Column("after_seq", BigInteger),  # where the thread goes on that it is asked for in; None: where its message says
    seq(),
    Key("session_id", "reply_id"),
    of("chats", "session_id", "chat_id"),
    Index("replies_open", "requested_seq", postgresql_where=text("status IN ('requested', 'running')")),
    Index("replies_by_asker", "asked_by", "requested_at"),
    Index("replies_by_end", "ended_at"),
    Index("replies_failed", "session_id", "chat_id", "ended_seq", postgresql_where=text("status = 'failed'")),
)

agent_contexts = Table(
    "agent_contexts",
    metadata,
    text_column("session_id"),
    text_column("chat_id"),
    text_column("agent"),
    count("switch_count"),
    time("last_switch_at"),
    seq(),
    Key("session_id", "chat_id"),
    of("chats", "session_id", "chat_id"),
)

agent_switches = Table(
    "agent_switches",
    metadata,
    text_column("session_id"),
    seq("switched_seq"),
    text_column("chat_id"),
    text_column("from_agent"),
    text_column("to_agent"),
    time("switched_at"),
    text_column("reason"),
    json("metadata"),
    text_column("switched_by"),
    text_column("reply_id", null=True),
    seq(),
    Key("session_id", "switched_seq"),
    of("chats", "session_id", "chat_id"),
)

tracks = Table(
    "tracks",
    metadata,
    text_column("session_id"),
    text_column("title"),
    text_column("description"),
    text_column("difficulty_level"),
    Column("estimated_duration_hours", Double),
    text_column("user_expectations"),
    seq(),
    Key("session_id"),
    of("sessions", "session_id"),
)

plans = Table(
    "plans",
    metadata,
    text_column("session_id"),
    text_column("reply_id"),
    text_column("chat_id"),
    text_column("title"),
    text_column("summary"),
    text_column("model"),
    text_column("agent"),
    time("created_at"),
    seq(),
    Key("session_id", "reply_id"),
    of("chats", "session_id", "chat_id"),
)

plan_modules = Table(
    "plan_modules",
    metadata,
    text_column("session_id"),
    text_column("reply_id"),
    Column("place", Integer, CheckConstraint("place >= 1"), nullable=False),
    text_column("title"),
    text_column("description"),
    Column("hours", Double, CheckConstraint("hours > 0"), nullable=False),
    json("topics"),
    seq(),
    Key("session_id", "reply_id", "place"),
    of("plans", "session_id", "reply_id"),
)
