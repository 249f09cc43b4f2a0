"""A PostgreSQL source with the types that such databases have."""

import asyncpg

from services.ops.importing.old import OldMessage, OldSession
from services.ops.importing.sources import LAYOUTS, recognised
from services.ops.importing.sources.database import opened

TABLES = """
CREATE SCHEMA old;
CREATE TABLE old."ChatSessions" ("Id" uuid PRIMARY KEY, "UserId" uuid, "InstanceId" varchar, "Title" text,
  "CreatedAt" timestamptz, "LastMessageAt" timestamptz);
CREATE TABLE old."ChatMessages" ("Id" bigint PRIMARY KEY, "SessionId" uuid, "Author" text, "Content" text,
  "MessageType" smallint, "CreatedAt" timestamptz, "Metadata" jsonb);
INSERT INTO old."ChatSessions" VALUES ('0190a1b2-0000-7000-8000-000000000001', '0190a1b2-0000-7000-8000-00000000000a',
  'p', 'Беседа', '2024-03-05 12:30+03', NULL);
INSERT INTO old."ChatMessages" VALUES
  (1, '0190a1b2-0000-7000-8000-000000000001', 'Ольга', 'привет 🌲', 0, '2024-03-05 12:31+03', '{"m": [1, null]}'),
  (2, '0190a1b2-0000-7000-8000-000000000099', 'x', 'lost?', 0, '2024-03-05 12:31+03', NULL);
"""


async def test_uuid_timestamptz_and_jsonb_are_read_in_a_schema_of_their_own(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(TABLES)
    await connection.close()
    async with opened(f"{database_url}?search_path=old") as database:
        source = LAYOUTS[recognised(database)](database, None)
        (session,) = [one async for one in source.sessions()]
        assert isinstance(session, OldSession)
        (message,) = [one async for one in source.messages(session)]
        assert isinstance(message, OldMessage)
        assert (session.owner, session.at.isoformat()) == (
            "0190a1b2-0000-7000-8000-00000000000a",
            "2024-03-05T09:30:00+00:00",
        )
        assert (message.content, message.metadata) == ("привет 🌲", {"m": [1, None]})
        assert [(one.key, one.reason) async for one in source.strays()] == [
            ("2", "there is no session 0190a1b2-0000-7000-8000-000000000099")
        ]
        assert await source.count() == 2
