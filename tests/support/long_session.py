"""A session in which much was said, made as fast as the bus takes it."""

import httpx
import orjson

from services.ops.datadir import DataDir
from services.ops.embedded import nats
from shared import ids, subjects
from shared.bus.batch import MAX_MESSAGES, Message, publish_together
from shared.bus.connection import connect
from shared.events import Envelope, encode
from tests.support.conversation import created, posted
from tests.support.eventually import eventually
from tests.support.system import System

BOBS = 7  # every so manieth message is Bob's, and longer


async def filled(system: System, messages: int, title: str = "Long") -> tuple[str, str]:
    """Ada's session and its chat, with so many messages, the first being `message 0`; the projector has them all."""
    session, chat = ids.uuid7(), ids.uuid7()
    await _publish(system, [created(session, chat_id=chat, title=title)])
    await tell(system, session, chat, 0, messages)
    return session, chat


async def tell(system: System, session: str, chat: str, first: int, end: int) -> None:
    """Messages `first` to `end` are said as well, `end` not among them; that makes `end` messages in all."""
    starts = range(first, end, MAX_MESSAGES)
    await _publish(
        system, *([_said(session, chat, n) for n in range(at, min(at + MAX_MESSAGES, end))] for at in starts)
    )
    headers = {"Authorization": f"Bearer {system.token('ada')}"}
    async with httpx.AsyncClient(base_url=system.addresses[0], headers=headers, timeout=20) as http:

        async def folded() -> bool:
            answer = await http.get(f"/api/sessions/{session}/stats")
            return answer.status_code == 200 and answer.json()["messages"]["total"] == end

        await eventually(folded, 30 + (end - first) / 500)


async def _publish(system: System, *batches: list[Envelope]) -> None:
    port = orjson.loads(DataDir(system.data_dir).ports_file.read_bytes())["nats"]
    async with connect(nats.url(port), "test") as bus:
        for events in batches:
            batch = [Message(encode(one), subjects.command_msg_id(one.actor, one.id), {}) for one in events]
            if await publish_together(bus.client, subjects.event(events[0].subject), batch) is None:
                raise RuntimeError("the bus refused a batch")


def _said(session: str, chat: str, n: int) -> Envelope:
    long = " and **more**, to be read in two or three lines.\n\n- one\n- two" if n % BOBS == 0 else ""
    return posted(session, f"message {n}{long}", chat_id=chat, actor="bob" if n % BOBS == 0 else "ada")
