"""What was said: messages, and what they said before they were edited."""

from sqlalchemy import CheckConstraint, Index, Table
from sqlalchemy import PrimaryKeyConstraint as Key

from services.projector.columns import json, metadata, money, of, one_of, seq, text_column, time, tokens, truth, words

messages = Table(
    "messages",
    metadata,
    text_column("session_id"),
    text_column("message_id"),
    text_column("chat_id"),
    one_of("role", "user", "assistant", "system", "tool"),
    text_column("author"),
    text_column("author_name"),
    text_column("content"),
    json("metadata"),
    truth("redacted"),
    truth("erased"),
    time("created_at"),
    time("edited_at", null=True),
    time("redacted_at", null=True),
    text_column("parent", null=True),  # as it was named
    text_column("follows"),  # the message it is an answer or a sequel to: named, or the one before it
    seq("after_seq"),  # the message before it in its thread; 0: none
    text_column("agent", null=True),
    text_column("model", null=True),
    text_column("finish_reason", null=True),
    *tokens(),
    money("cost_usd", null=True),
    truth("usage_estimated"),
    seq("created_seq"),
    seq("content_seq"),  # where its present wording was made
    seq(),
    words("content", within="session_id"),
    Key("session_id", "message_id"),
    of("chats", "session_id", "chat_id"),
    CheckConstraint("content <> '' OR redacted OR erased"),
    Index("messages_of_session", "session_id", "created_seq"),
    Index("messages_of_chat", "session_id", "chat_id", "created_seq"),
    Index("messages_by_predecessor", "session_id", "follows", "role"),
    Index("messages_by_words", "words", postgresql_using="gin"),
)

message_revisions = Table(
    "message_revisions",
    metadata,
    text_column("session_id"),
    text_column("message_id"),
    seq("replaced_seq"),  # of the edit that put another wording in its place
    seq("made_seq"),
    time("made_at"),
    text_column("author"),
    text_column("content"),
    json("metadata"),
    seq(),
    Key("session_id", "message_id", "replaced_seq"),
    of("messages", "session_id", "message_id"),
)
