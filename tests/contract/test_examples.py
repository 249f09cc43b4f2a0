"""The examples do what they say."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nats
import pytest
from nats.js.api import StreamConfig

from shared import ids, subjects
from shared.events import MessagePosted, encode, wrap
from tests.support.eventually import eventually
from tests.support.system import System

ROOT = Path(__file__).parents[2]
SDK = ROOT / "tests/sdk/node_modules"


def event(session_id: str, content: str) -> bytes:
    """An event as a gateway publishes it."""
    posted = MessagePosted(chat_id="c1", content=content)
    event_id = ids.uuid7()
    return encode(wrap(posted, event_id=event_id, session_id=session_id, source="gateway/test", actor="ada"))


@contextmanager
def subscriber(url: str, output: Path) -> Iterator[None]:
    """`examples/subscriber.py` runs inside the block and writes to `output`."""
    with output.open("ab") as file:
        process = subprocess.Popen([sys.executable, str(ROOT / "examples/subscriber.py"), url], stdout=file)
        try:
            yield
        finally:
            process.kill()
            process.wait()


async def test_the_subscriber_prints_each_event_once_and_goes_on_where_it_was(nats_url: str, tmp_path: Path) -> None:
    bus = await nats.connect(nats_url)
    try:
        js = bus.jetstream()
        await js.add_stream(StreamConfig(name=subjects.EVENTS, subjects=[subjects.ALL_EVENTS]))
        output = tmp_path / "printed"
        output.touch()

        def printed() -> list[list[str]]:
            return [line.split() for line in output.read_text().splitlines()]

        for run, expected in enumerate(([1, 2], [1, 2, 3, 4])):
            for _ in range(2):
                await js.publish(subjects.event("s1"), event("s1", f"words of run {run}"))
            with subscriber(nats_url, output):
                await eventually(lambda seqs=expected: [int(line[0]) for line in printed()] == seqs)

                async def acknowledged() -> bool:
                    info = await js.consumer_info(subjects.EVENTS, "example-subscriber")
                    return info.num_ack_pending == 0

                await eventually(acknowledged)
        assert {(line[2], line[3]) for line in printed()} == {(MessagePosted.TYPE, "s1")}
    finally:
        await bus.close()


async def test_the_browser_snippet_talks_and_gets_its_reply(system: System, tmp_path: Path) -> None:
    if not SDK.exists():
        pytest.skip("the js SDK is not installed: make test installs it")
    (tmp_path / "node_modules").symlink_to(SDK)
    script = tmp_path / "browser.mjs"
    script.write_text(
        'import WebSocket from "ws"; globalThis.WebSocket ??= WebSocket;\n'  # Node has one of its own from 22 on
        + (ROOT / "examples/browser.mjs").read_text()
    )
    argv, environment = ["node", str(script), system.addresses[0]], {"PATH": os.environ["PATH"]}
    ran = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "message.posted.v1 Hello! Who is there?" in ran.stdout
    assert "reply.completed.v1" in ran.stdout
