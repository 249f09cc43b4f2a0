"""`antiphon audit verify`: whatever a superuser does to the log is found, at the position where it was done."""

import asyncio
from pathlib import Path

import orjson
import pytest

from services.history import log, sealing
from services.history.audit import verifying
from services.history.chain import Anchor, Broken
from services.history.checkpoint import encoded, private_key, to_json
from shared import db
from shared.settings import DatabaseSettings
from tests.support.logs import erased, filled, verified
from tests.support.system import antiphon
from tests.support.tampering import Tamper, inserted, rewritten, tampered

KEY = private_key("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
PUBLIC = encoded(KEY.public_key().public_bytes_raw())

SWAP = "UPDATE log.events SET seq = CASE seq WHEN 4 THEN 1004 ELSE 1007 END WHERE seq IN (4, 7);" + (
    "UPDATE log.events SET seq = CASE seq WHEN 1004 THEN 7 ELSE 4 END WHERE seq > 1000"
)
TAMPERING: dict[str, tuple[str | Tamper, int]] = {
    "body": ("UPDATE log.events SET body = body || ' ' WHERE seq = 6", 6),
    "body and digest": ("UPDATE log.events SET body = '{}', body_digest = sha256('{}') WHERE seq = 6", 6),
    "hash": ("UPDATE log.events SET hash = sha256(hash) WHERE seq = 6", 6),
    "time": ("UPDATE log.events SET stream_time_ns = stream_time_ns + 1 WHERE seq = 6", 6),
    "negative time": ("UPDATE log.events SET stream_time_ns = -1 WHERE seq = 6", 6),
    "epoch": ("UPDATE log.events SET epoch = 'another' WHERE seq = 6", 6),
    "session": ("UPDATE log.events SET session_id = 's9' WHERE seq = 6", 6),
    "actor": ("UPDATE log.events SET actor = 'mallory' WHERE seq = 6", 6),
    "type": ("UPDATE log.events SET type = 'message.redacted.v1' WHERE seq = 6", 6),
    "when": ("UPDATE log.events SET occurred_at = occurred_at + interval '1 day' WHERE seq = 6", 6),
    "reply": ("UPDATE log.events SET reply_id = 'r' WHERE seq = 6", 6),
    "malformed": ("UPDATE log.events SET malformed = true WHERE seq = 6", 6),
    "hidden as a second copy": ("UPDATE log.events SET duplicate_of = 5 WHERE seq = 6", 6),
    "two rows swapped": (SWAP, 4),
    "first removed": ("DELETE FROM log.events WHERE seq = 1", 1),
    "some in the middle removed": ("DELETE FROM log.events WHERE seq IN (5, 6)", 5),
    "tail removed": ("DELETE FROM log.events WHERE seq > 9", 10),
    "all removed": ("DELETE FROM log.events", 1),
    "inserted": (inserted, 5),
    "inserted before the first": ("UPDATE log.events SET seq = 0 WHERE seq = 12", 0),
    "head's hash": ("UPDATE log.head SET hash = sha256(hash)", 12),
    "head's position": ("UPDATE log.head SET seq = 8", 9),
    "head removed": ("DELETE FROM log.head", 1),
}


async def broken_at(url: str, after: Anchor | None = None, pins: tuple[Anchor, ...] = ()) -> int:
    async with db.engine(DatabaseSettings(database_url=url)) as engine:
        with pytest.raises(Broken) as broken:
            await verifying.verify(engine, after or Anchor(), pins)
    return broken.value.seq


@pytest.mark.parametrize("what", TAMPERING)
async def test_tampering_is_found_where_it_was_done(database_url: str, what: str) -> None:
    how, seq = TAMPERING[what]
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 12)
        assert (await verifying.verify(engine, Anchor())).at == await verified(engine)
    if "before the first" in what:
        how = f"ALTER TABLE log.events DROP CONSTRAINT events_seq_check; {how}"
    await tampered(database_url, how)
    assert await broken_at(database_url) == seq


async def test_removed_stretches_are_found(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "STRETCH_EVENTS", 3)
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 20)
        assert (await verifying.verify(engine, Anchor())).events == 20
    await tampered(database_url, "DELETE FROM log.events WHERE seq BETWEEN 7 AND 15")
    assert await broken_at(database_url) == 7


async def test_a_log_rewritten_throughout_is_caught_by_an_old_checkpoint_only(
    database_url: str, tmp_path: Path
) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 8)
        made = await sealing.seal(engine, KEY)
        assert made is not None
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(orjson.dumps(to_json(made)) + b"\n")
    words = ("audit", "verify", "--database-url", database_url)
    pinned = (*words, "--checkpoint", str(kept), "--public-key", PUBLIC)

    assert (await asyncio.to_thread(antiphon, *pinned)).returncode == 0
    await tampered(database_url, rewritten)
    stored = await asyncio.to_thread(antiphon, *words)
    assert (stored.returncode, "position 8: a signed checkpoint" in stored.stderr) == (1, True)
    await tampered(database_url, "DELETE FROM log.checkpoints")
    assert (await asyncio.to_thread(antiphon, *words)).returncode == 0
    outside = await asyncio.to_thread(antiphon, *pinned)
    assert (outside.returncode, "position 8: a signed checkpoint" in outside.stderr) == (1, True)


async def test_a_log_cut_off_with_its_head_is_caught_by_a_checkpoint(database_url: str) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 12)
        made = await sealing.seal(engine, KEY)
    assert made is not None
    cut = "UPDATE log.head SET seq = 9, hash = (SELECT hash FROM log.events WHERE seq = 9)"
    await tampered(database_url, f"DELETE FROM log.events WHERE seq > 9; {cut}")
    assert await broken_at(database_url, pins=(made.anchor,)) == 10


async def test_a_forged_checkpoint_in_the_database_is_found(database_url: str) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 5)
        await sealing.seal(engine, KEY)
    await tampered(database_url, "UPDATE log.checkpoints SET time_ns = time_ns + 1")
    answer = await asyncio.to_thread(antiphon, "audit", "verify", "--database-url", database_url)
    assert (answer.returncode, "position 5: the signature" in answer.stderr) == (1, True)


async def test_it_goes_on_where_it_was_and_notices_if_that_was_rewritten(database_url: str, tmp_path: Path) -> None:
    place = tmp_path / "resume.json"
    words = ("audit", "verify", "--database-url", database_url, "--resume", str(place))
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 10)
        assert "verified 10 events up to 10" in (await asyncio.to_thread(antiphon, *words)).stdout
        assert orjson.loads(place.read_bytes())["hash"] == (await log.head(engine)).hash.hex()
    assert "verified 0 events up to 10" in (await asyncio.to_thread(antiphon, *words)).stdout
    later = await asyncio.to_thread(antiphon, "audit", "verify", "--database-url", database_url, "--from", "4")
    assert "verified 7 events up to 10" in later.stdout
    await tampered(database_url, rewritten)
    answer = await asyncio.to_thread(antiphon, *words)
    assert (answer.returncode, "position 10: its hash is another one" in answer.stderr) == (1, True)


async def test_erased_bodies_and_second_copies_and_what_is_no_event_verify(database_url: str) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 6)
        epoch = (await log.head(engine)).epoch
        async with engine.connect() as connection:
            body = (await connection.exec_driver_sql("SELECT body FROM log.events WHERE seq = 5")).scalar_one()
        await log.append(engine, epoch, [log.Entry(7, 1, "event.s1", body), log.Entry(8, 1, "event.s1", b"\xff")])
        await erased(engine, 4)
        done = await verifying.verify(engine, Anchor())
        assert (done.events, done.erased, done.gaps) == (9, 1, 0)


@pytest.mark.parametrize(
    ("how", "where"),
    [
        ("UPDATE log.events SET body = NULL WHERE seq = 5", "position 5: the body is missing, and no event orders"),
        ("UPDATE log.events SET body = NULL, erased_by = 7 WHERE seq = 5", "position 5: the body is missing"),
        ("UPDATE log.events SET remains = remains || ' ' WHERE seq = 4", "position 4: what is left of it is not"),
        ("UPDATE log.events SET remains = NULL WHERE seq = 4", "position 4: what is left of it is not"),
        ("UPDATE log.events SET actor = 'eve' WHERE seq = 4", "position 4: a column does not say what the body says"),
        ("UPDATE log.events SET erased_by = 7 WHERE seq = 5", "position 5: marked as erased, and its body is there"),
        ("UPDATE log.events SET body = NULL, remains = NULL WHERE seq = 7", "position 4: the body is missing, and no"),
    ],
)
async def test_an_erasure_that_nobody_ordered_is_found(database_url: str, how: str, where: str) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 6)
        await erased(engine, 4)
        assert (await verifying.verify(engine, Anchor())).erased == 1
        await tampered(database_url, how)
        with pytest.raises(Broken, match=where):
            await verifying.verify(engine, Anchor())


async def test_a_body_that_came_back_is_found(database_url: str) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 6)
        async with engine.connect() as connection:
            body = (await connection.exec_driver_sql("SELECT body FROM log.events WHERE seq = 4")).scalar_one()
        await erased(engine, 4)
        back = f"UPDATE log.events SET body = '\\x{body.hex()}', remains = NULL, erased_by = NULL WHERE seq = 4"
        await tampered(database_url, back)
        with pytest.raises(Broken, match="position 4: its body is there, and position 7 says that it was erased"):
            await verifying.verify(engine, Anchor())
