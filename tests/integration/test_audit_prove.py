"""`antiphon audit prove` and `audit check`: from a log in a database to somebody who has a file and a key."""

import asyncio
import gzip
import stat
from pathlib import Path

import orjson
import pytest

from services.history import sealing
from services.history.audit import proving
from services.history.checkpoint import encoded, private_key
from shared import db
from shared.settings import DatabaseSettings
from tests.support.logs import erased, filled
from tests.support.system import antiphon
from tests.support.tampering import rewritten, tampered

KEY = private_key("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
PUBLIC = encoded(KEY.public_key().public_bytes_raw())


async def run(*words: str) -> tuple[int, str]:
    answer = await asyncio.to_thread(antiphon, "audit", *words)
    return answer.returncode, answer.stdout + answer.stderr


@pytest.mark.parametrize("name", ["proof.jsonl", "proof.jsonl.gz"])
async def test_a_proof_is_written_and_checked_without_the_system(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(proving, "STRETCH_EVENTS", 4)
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 12)
        await sealing.seal(engine, KEY)
    file = tmp_path / name
    assert (await run("prove", "--session", "s1", "--out", str(file), "--database-url", database_url))[0] == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [name]

    code, said = await run("check", str(file), "--public-key", PUBLIC)
    assert (code, "session s1 has exactly these 4 events, it begins with the session's creation" in said) == (0, True)
    assert "up to position 12" in said
    content = gzip.decompress(file.read_bytes()) if name.endswith(".gz") else file.read_bytes()
    assert b"message 4" in content
    assert b"message 5" not in content, "others' texts"
    assert b'"s2"' not in content, "others' names"
    assert b".s2." not in content, "others' subjects"

    forged = content.replace(b"message 4", b"message 0")
    file.write_bytes(gzip.compress(forged) if name.endswith(".gz") else forged)
    code, said = await run("check", str(file), "--public-key", PUBLIC)
    assert (code, "AUDIT FAILED" in said) == (1, True)
    file.write_bytes(file.read_bytes()[:-20])
    assert (await run("check", str(file), "--public-key", PUBLIC))[0] == 1


async def test_the_proof_reaches_to_the_newest_checkpoint_if_asked(database_url: str) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 4)
        await sealing.seal(engine, KEY)
        await filled(engine, 1, sessions=9)
        await sealing.seal(engine, KEY)
        for newest, end in ((False, 4), (True, 5)):
            lines: list[bytes] = []
            done = await proving.write(engine, "s1", newest, lines.append)
            assert (done.first, done.events, done.checkpoint.seq) == (2, 1, end)
            assert orjson.loads(lines[0])["from"] == 2


async def test_what_was_not_signed_yet_and_what_is_not_there_can_not_be_proved(database_url: str) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 4)
    words = ("prove", "--database-url", database_url, "--session")
    code, said = await run(*words, "s1")
    assert (code, "position 2 is not signed yet" in said) == (1, True)
    code, said = await run(*words, "nobody")
    assert (code, "no event of the session nobody" in said) == (1, True)


async def test_a_log_that_was_tampered_with_proves_nothing(database_url: str, tmp_path: Path) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 12)
        await sealing.seal(engine, KEY)
    file = tmp_path / "proof.jsonl"
    words = ("prove", "--session", "s1", "--out", str(file), "--database-url", database_url)
    await tampered(database_url, rewritten)
    code, said = await run(*words)
    assert (code, "a signed checkpoint says another hash" in said) == (1, True)
    await tampered(database_url, "DELETE FROM log.events WHERE seq IN (7, 8)")
    code, said = await run(*words)
    assert (code, "position 7: missing" in said) == (1, True)
    assert list(tmp_path.iterdir()) == []


async def test_a_session_whose_beginning_was_erased_is_proved_from_position_1_on(
    database_url: str, tmp_path: Path
) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 6)
        await sealing.seal(engine, KEY)
    await tampered(database_url, "UPDATE log.events SET body = NULL WHERE seq = 3")
    file = tmp_path / "proof.jsonl"
    assert (await run("prove", "--session", "s2", "--out", str(file), "--database-url", database_url))[0] == 0
    code, said = await run("check", str(file), "--public-key", PUBLIC)
    assert (code, "every position from 1 on was shown" in said, "withheld: 3" in said) == (0, True, True)


async def test_what_was_erased_on_order_is_told_from_what_is_withheld(database_url: str, tmp_path: Path) -> None:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 9)
        before = tmp_path / "before.jsonl"
        await sealing.seal(engine, KEY)
        await run("prove", "--session", "s0", "--out", str(before), "--database-url", database_url)
        await erased(engine, 1, 4)
        await sealing.seal(engine, KEY)
    file = tmp_path / "proof.jsonl"
    words = ("prove", "--session", "s0", "--out", str(file), "--newest", "--database-url", database_url)
    assert (await run(*words))[0] == 0
    code, said = await run("check", str(file), "--public-key", PUBLIC)
    assert (code, "erased as the session's own events order: 1, 4" in said, "withheld" in said) == (0, True, False)
    code, said = await run("check", str(before), "--public-key", PUBLIC)
    assert code == 0, "a proof that was written before the erasure is as good as it was"
