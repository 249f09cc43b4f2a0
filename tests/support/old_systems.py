"""Databases of systems that people move in from: three layouts, several languages, and rows that are broken."""

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BEGAN = datetime(2024, 3, 5, 9, 30, tzinfo=UTC)
SAID = (
    "Привет! Помоги составить план 🌲",
    "Конечно. С чего начнём?",
    'Let\'s begin with *types* — and "quotes"; NUL follows:\x00.',
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "👩‍👩‍👧‍👦 семья, ёлка, naïve café",
)

JSON_TEXTS = """
CREATE TABLE sessions (session_id VARCHAR PRIMARY KEY, messages TEXT, last_activity DATETIME, created_at DATETIME);
CREATE TABLE agent_contexts (session_id VARCHAR PRIMARY KEY, current_agent VARCHAR, agent_history TEXT,
  context_metadata TEXT, created_at DATETIME, last_switch_at DATETIME, switch_count INTEGER);
"""
INSTANCES = """
CREATE TABLE "ChatSessions" ("Id" VARCHAR(36) PRIMARY KEY, "UserId" VARCHAR(36), "InstanceId" VARCHAR(36),
  "Title" VARCHAR(200), "CreatedAt" TIMESTAMP, "LastMessageAt" TIMESTAMP);
CREATE TABLE "ChatMessages" ("Id" INTEGER PRIMARY KEY, "SessionId" VARCHAR(36), "Author" VARCHAR(100), "Content" TEXT,
  "MessageType" INTEGER, "CreatedAt" TIMESTAMP, "Metadata" TEXT);
"""
THREADS = """
CREATE TABLE chat_sessions (id INTEGER PRIMARY KEY, user_id INTEGER, session_name VARCHAR(200), status VARCHAR(20),
  created_at TIMESTAMP, updated_at TIMESTAMP);
CREATE TABLE chats (id INTEGER PRIMARY KEY, session_id INTEGER, name VARCHAR(100), chat_type VARCHAR(50),
  ai_context TEXT, created_at TIMESTAMP);
CREATE TABLE chat_messages (id INTEGER PRIMARY KEY, session_id INTEGER, chat_id INTEGER, sender_type VARCHAR(20),
  content TEXT, ai_model_used VARCHAR(50), tokens_used INTEGER, created_at TIMESTAMP);
"""

Rows = dict[str, list[tuple[Any, ...]]]


def at(seconds: float) -> str:
    return (BEGAN + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S.%f")


def json_texts(sessions: int = 3, messages: int = 5) -> Rows:
    """Good sessions, and four that are broken in different ways."""
    rows: Rows = {"sessions": [], "agent_contexts": []}
    for n in range(sessions):
        key = f"0190a1b2-0000-7000-8000-{n:012d}"
        said = [
            {"role": ("user", "assistant")[m % 2], "content": SAID[m % len(SAID)], "timestamp": at(n * 1000 + m)}
            for m in range(messages)
        ]
        rows["sessions"].append((key, json.dumps(said, ensure_ascii=n % 2 == 0), at(n * 1000 + messages), at(n * 1000)))
        history = [{"agent": "Coordinator", "timestamp": at(n * 1000)}, {"agent": "Course Planner", "reason": "план"}]
        rows["agent_contexts"].append(
            (key, "Course Planner", json.dumps(history), json.dumps({"n": n}), at(n * 1000), at(n * 1000 + 1), 1)
        )
    broken = [
        ("broken-json-0001", "[{"),
        ("broken-list-0001", '"text"'),
        ("broken-role-0001", '[{"role": "alien", "content": "x"}, {"role": "user", "content": "good"}]'),
        ("broken-empty-001", '[{"role": "user", "content": ""}]'),
    ]
    rows["sessions"] += [(key, text, at(1), at(0)) for key, text in broken] + [
        ("broken-time-0001", "[]", None, "never")
    ]
    return rows


def instances(sessions: int = 3, messages: int = 5) -> Rows:
    """Sessions with and without a user, and two messages that are broken."""
    rows: Rows = {"ChatSessions": [], "ChatMessages": []}
    for n in range(sessions):
        key, user = f"session-{n:08d}", f"user-{n}" if n % 3 else None
        rows["ChatSessions"].append((key, user, f"place-{n}", f"Беседа {n}", at(n * 1000), at(n * 1000 + messages)))
        for m in range(messages):
            kind, author = ((0, "Ольга"), (2, "Planner"), (1, "system"))[m % 3]
            number, metadata = n * messages + m, json.dumps({"m": m}) if m % 2 else None
            stamp = at(n * 1000 + m // 2)  # two of a moment
            rows["ChatMessages"].append((number, key, author, SAID[m % len(SAID)], kind, stamp, metadata))
    last = sessions * messages
    rows["ChatMessages"] += [
        (last, "session-00000000", "x", "what am I?", 7, at(9), None),
        (last + 1, "session-00000000", "x", "when?", 0, "soon", None),
    ]
    return rows


def threads(chats: bool = True) -> Rows:
    """Sessions with two chats each, or with none; one archived, one deleted."""
    rows: Rows = {"chat_sessions": [], "chat_messages": []}
    if chats:
        rows["chats"] = []
    for n, status in enumerate(("active", "archived", "deleted"), start=1):
        rows["chat_sessions"].append((n, 100 + n, f"Курс {n}", status, at(n * 1000), at(n * 1000 + 500)))
        for c in (1, 2) if chats else (0,):
            chat = n * 10 + c if c else None
            if chat:
                context = json.dumps({"temperature": 0.2, "system_prompt": "кратко"}) if c == 1 else "{"
                kind = ("planning", "discussion")[c - 1]
                rows["chats"].append((chat, n, f"Чат {c}", kind, context, at(n * 1000 + c)))
            for m in range(4):
                sender, model, tokens = (("user", None, None), ("ai", "gpt-4o", 17))[m % 2]
                number, stamp = n * 100 + c * 10 + m, at(n * 1000 + c * 10 + m)
                rows["chat_messages"].append((number, n, chat, sender, SAID[m], model, tokens, stamp))
    return rows


def sqlite(path: Path, schema: str, rows: Rows) -> Path:
    """A file with these tables and rows."""
    connection = sqlite3.connect(path)
    connection.executescript(schema)
    for table, found in rows.items():
        insert(connection, table, found)
    connection.commit()
    connection.close()
    return path


def insert(connection: sqlite3.Connection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    found = list(rows)
    if found:
        marks = ", ".join("?" * len(found[0]))
        connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', found)
