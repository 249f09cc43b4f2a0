"""`antiphon export` and `antiphon replay`: the log as documents, as lines, and sent out again."""

import asyncio
import gzip
import signal
import sys
from pathlib import Path

import nats
import orjson
import pytest
from nats.aio.msg import Msg

from shared import db
from shared.settings import DatabaseSettings
from tests.support.eventually import eventually
from tests.support.logs import filled
from tests.support.system import antiphon

NS_PER_S = 10**9
BEGAN = "2023-11-14T22:13:20"  # where the times of `filled` begin


async def run(*words: str) -> tuple[int, str, str]:
    answer = await asyncio.to_thread(antiphon, *words)
    return answer.returncode, answer.stdout, answer.stderr


@pytest.fixture
async def log_of_nine(database_url: str) -> str:
    async with db.engine(DatabaseSettings(database_url=database_url)) as engine:
        await filled(engine, 9)
    return database_url


async def test_a_document_is_the_same_for_the_same_position(log_of_nine: str, tmp_path: Path) -> None:
    ask = ("export", "--database-url", log_of_nine, "--session", "s1", "--format", "md", "--at", "5")
    code, first, _ = await run(*ask)
    async with db.engine(DatabaseSettings(database_url=log_of_nine)) as engine:
        await filled(engine, 3)
    assert (code, "message 4" in first, "message 7" in first) == (0, True, False)
    file = tmp_path / "s1.md.gz"
    assert (await run(*ask, "--out", str(file)))[0] == 0
    assert gzip.decompress(file.read_bytes()).decode() == first


async def test_what_can_not_be_exported_is_said_in_one_sentence(log_of_nine: str) -> None:
    for words, sentence in (
        (("--session", "nobody"), "no session nobody"),
        (("--session", "s1", "--at", "99"), "the log ends at 9"),
        (("--session", "s1", "--at", "yesterday"), "no number and no time"),
        (("--session", "s1", "--format", "docx"), "json, jsonl, md, html, csv"),
        ((), "either --session or --user"),
    ):
        code, _, said = await run("export", "--database-url", log_of_nine, *words)
        assert (code, sentence in said) == (1, True), said


async def test_a_users_data_is_all_that_they_did_and_nothing_of_others(log_of_nine: str) -> None:
    code, lines, told = await run("export", "--database-url", log_of_nine, "--user", "ada")
    rows = [orjson.loads(line) for line in lines.splitlines()]
    assert (code, len(rows), "9 events in 3 sessions" in told) == (0, 9, True)
    assert {row["actor"] for row in rows} == {"ada"}
    assert (await run("export", "--database-url", log_of_nine, "--user", "eve"))[1] == ""


async def test_events_are_printed_by_span_session_and_type(log_of_nine: str) -> None:
    async def seqs(*words: str) -> list[int]:
        code, lines, _ = await run("replay", "events", "--database-url", log_of_nine, *words)
        assert code == 0
        return [orjson.loads(line)["seq"] for line in lines.splitlines()]

    assert await seqs("--all") == list(range(1, 10))
    assert await seqs("--session", "s1", "--type", "message.*") == [5, 8]
    assert await seqs("--all", "--after", "3", "--until", "6") == [4, 5, 6]
    assert await seqs("--all", "--after", BEGAN) == []
    assert await seqs("--all", "--until", f"{BEGAN}Z") == list(range(1, 10))
    assert await seqs("--all", "--until", "2001-01-01T00:00:00+02:00") == []


async def test_a_span_is_sent_out_again_and_goes_on_where_it_was_broken_off(
    nats_url: str, log_of_nine: str, tmp_path: Path
) -> None:
    seen: list[Msg] = []

    async def keep(message: Msg) -> None:
        seen.append(message)

    where = ("--database-url", log_of_nine, "--nats-url", nats_url, "--to", "copy", "--all")
    client = await nats.connect(nats_url)
    try:
        await client.subscribe("copy.*", cb=keep)
        await client.flush()
        code, told, _ = await run("replay", "publish", *where, "--speed", "max", "--until", "6")
        assert (code, "6 events published below copy" in told) == (0, True)
        await eventually(lambda: len(seen) == 6)
        assert [m.headers["Antiphon-Replayed-Seq"] for m in seen if m.headers] == ["1", "2", "3", "4", "5", "6"]
        assert (seen[4].subject, orjson.loads(seen[4].data)["data"]["content"]) == ("copy.s1", "message 4")

        resume = tmp_path / "resume.json"
        # The events are a nanosecond apart: at this speed the third is due in a thousand seconds.
        words = ("replay", "publish", *where, "--speed", str(2 / (1000 * NS_PER_S)), "--resume", str(resume))
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "services.ops", *words)
        await eventually(lambda: len(seen) == 7)
        await eventually(resume.exists)
        process.send_signal(signal.SIGINT)
        await process.wait()
        code, told, _ = await run("replay", "publish", *where, "--speed", "max", "--resume", str(resume))
        assert code == 0
        await eventually(lambda: len(seen) == 6 + 9)
        assert [int(m.headers["Antiphon-Replayed-Seq"]) for m in seen[6:] if m.headers] == list(range(1, 10))
    finally:
        await client.close()


@pytest.mark.parametrize("to", ["event", "live.x", "$JS", "a..b", "a b", "a.*"])
async def test_nothing_is_sent_where_antiphon_itself_listens(log_of_nine: str, nats_url: str, to: str) -> None:
    where = ("--database-url", log_of_nine, "--nats-url", nats_url, "--all", "--to", to)
    code, _, said = await run("replay", "publish", *where)
    assert (code, "Nothing was replayed" in said) == (1, True)


@pytest.mark.parametrize("words", ["export --session s1", "export --user ada", "replay events --all"])
async def test_who_wants_no_more_is_told_nothing_and_a_full_disk_is_no_fault_of_the_log(
    log_of_nine: str, words: str
) -> None:
    async with db.engine(DatabaseSettings(database_url=log_of_nine)) as engine:
        await filled(engine, 3000)

    async def shell(to: str) -> tuple[int, str]:
        command = f"set -o pipefail; {sys.executable} -m services.ops {words} --database-url {log_of_nine} {to}"
        done = await asyncio.create_subprocess_exec("bash", "-c", command, stdout=-1, stderr=-1)
        _, said = await done.communicate()
        return done.returncode or 0, said.decode()

    assert await shell("| head -1") == (1, "")
    code, said = await shell("> /dev/full")
    assert (code, said.startswith("stdout can't be written (No space left on device)")) == (1, True), said


async def test_a_file_that_can_not_be_written_is_named(log_of_nine: str) -> None:
    where = ("--database-url", log_of_nine)
    code, _, said = await run("export", *where, "--session", "s1", "--out", "/proc/x/y.md")
    assert (code, said.startswith("/proc/x/y.md can't be written")) == (1, True), said
    code, _, said = await run("audit", "verify", *where, "--resume", "/proc/x/y.json")
    assert (code, "/proc/x/y.json can't be written" in said) == (1, True), said


async def test_the_password_of_the_bus_is_in_no_message() -> None:
    code, _, said = await run(
        "erase", "--session", "s", "--all", "--reason", "r", "--nats-url", "nats://u:pw1@127.0.0.1:1"
    )
    assert (code, "nats://u@127.0.0.1:1" in said, "pw1" in said) == (1, True, False)
