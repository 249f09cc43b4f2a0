"""A long conversation at the page: read to its beginning and back without a jump, with little in memory."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared import ids
from shared.bus.connection import connect
from tests.e2e.page import CHROMIUM, NO_CHROMIUM, Page, window
from tests.support.client import connected
from tests.support.conversation import created, put
from tests.support.eventually import eventually
from tests.support.long_session import filled, tell
from tests.support.scrolling import come_in, read
from tests.support.system import System, whole_system

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed: make test does it")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM), pytest.mark.asyncio(loop_scope="module")]
MESSAGES = 1500
MISSED = 1100  # more than a client that comes back is given one by one
ELEMENTS = 200
STILL_PX = 2
PX = 2000
LISTED = 200  # sessions, before the reader asks for more


class Cable:
    """What a page's sockets go through; it can be pulled."""

    def __init__(self) -> None:
        self.pulled = False
        self._open: list[playwright_api.WebSocketRoute] = []

    async def through(self, socket: "playwright_api.WebSocketRoute") -> None:
        if self.pulled:
            await socket.close()
            return
        socket.connect_to_server()
        self._open.append(socket)

    async def pull(self) -> None:
        self.pulled = True
        for socket in self._open:
            await socket.close()


class Reader:
    """Ada at a long conversation, and what her page has asked for."""

    def __init__(self, page: Page, session: str, chat: str) -> None:
        self.page, self.session, self.chat = page, session, chat
        self.cable = Cable()
        self.asked: list[str] = []
        page.page.on("websocket", lambda socket: socket.on("framesent", lambda sent: self.asked.append(str(sent))))

    async def top(self) -> tuple[str, float]:
        """The message at the top of the screen, and where it is."""
        found = await self.page.page.evaluate(
            """() => {
              const edge = document.querySelector("#scroll").getBoundingClientRect().top;
              const all = [...document.querySelectorAll("#messages .message")];
              const held = all.find((it) => it.getBoundingClientRect().bottom > edge);
              return [held.dataset.id, held.getBoundingClientRect().top];
            }"""
        )
        return str(found[0]), float(found[1])

    async def stays(self, before: tuple[str, float]) -> None:
        """What was at the top of the screen is there still."""
        message = self.page.page.locator(f"#messages [data-id='{before[0]}']")
        top = float(await message.evaluate("(it) => it.getBoundingClientRect().top"))
        assert abs(top - before[1]) <= STILL_PX


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="system")
async def _system(session_directory: Path) -> AsyncIterator[System]:
    async with whole_system(session_directory / "long", environment={"ANTIPHON_COMMANDS_PER_S": "0"}) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="reader")
async def _reader(system: System, browser: "playwright_api.Browser") -> Reader:
    reader = Reader(await window(browser), *await filled(system, MESSAGES))
    await reader.page.page.route_web_socket("**/connection/websocket", reader.cable.through)
    await come_in(reader.page.page, system.addresses[0], reader.session, system.token("ada"))
    return reader


async def test_a_long_conversation_is_read_to_its_beginning_and_back_without_a_jump(reader: Reader) -> None:
    up = await read(reader.page.page, up=True, px=PX)
    assert up.ended
    assert (await reader.page.texts())[0].startswith("message 0 and more")
    down = await read(reader.page.page, up=False, px=PX)
    assert down.ended
    assert (await reader.page.texts())[-1].startswith(f"message {MESSAGES - 1}")
    for found in (up, down):
        assert found.jump is not None, "what was read stays in the page"
        assert found.jump <= STILL_PX
        assert found.elements < ELEMENTS
    assert sum('"after"' in sent for sent in reader.asked) >= (MESSAGES - 1000) // 100, "what is far away is let go of"
    assert reader.page.complaints == []


async def test_whoever_reads_far_up_is_not_moved_and_told_what_is_new(system: System, reader: Reader) -> None:
    ada = reader.page
    await ada.page.locator("#scroll").hover()
    await read(ada.page, up=True, px=PX)
    before = await reader.top()
    async with connected(system.addresses[1], system.token("ada")) as client:
        made = await client.rpc("session.invite", id=ids.uuid7(), session_id=reader.session)
    async with connected(system.addresses[1], system.token("bob", name="Bob")) as client:
        await client.rpc("session.join", id=ids.uuid7(), invite=made["invite"])
        for text in ("one", "two"):
            await client.rpc("message.send", id=ids.uuid7(), session_id=reader.session, content=text, reply=True)
    await ada.page.get_by_role("button", name="New messages: 4").wait_for()
    await reader.stays(before)
    await ada.page.get_by_role("button", name="New messages").click()
    await ada.page.locator("#messages .assistant.posted").nth(1).wait_for()
    assert [text for text in await ada.texts() if text in ("one", "two")] == ["one", "two"]
    await ada.say("the end")
    await ada.page.locator("#messages .posted", has_text="the end").wait_for()
    assert ada.complaints == []


async def test_a_reader_far_up_who_missed_too_much_stays_there_and_finds_all_of_it(
    system: System, reader: Reader
) -> None:
    await read(reader.page.page, up=True, px=PX, frames=20)
    before = await reader.top()
    await reader.cable.pull()
    said = MESSAGES + 5
    await tell(system, reader.session, reader.chat, said, said + MISSED)
    reader.cable.pulled = False
    await reader.page.page.wait_for_selector("#status[data-state=connected]")

    async def caught_up() -> bool:
        position = re.search(r"position (\d+)", await reader.page.status())
        return position is not None and int(position[1]) > said + MISSED

    await eventually(caught_up, 30)
    await reader.stays(before)
    down = await read(reader.page.page, up=False, px=PX)
    assert down.ended
    assert down.jump is not None
    assert down.jump <= STILL_PX
    assert (await reader.page.texts())[-1].startswith(f"message {said + MISSED - 1}")


async def test_a_long_list_of_sessions_goes_on(system: System, reader: Reader) -> None:
    tab = reader.page.page
    entries = tab.locator("#sessions > li")
    async with connect(f"nats://127.0.0.1:{system.ps()['nats']['port']}", "test") as bus:
        for number in range(LISTED + 2):
            await put(bus, created(f"listed-{number:03}", owner="ada", title=f"No. {number:03}"))
    await reader.page.entry(f"No. {LISTED + 1}").wait_for()
    assert (await entries.count(), await reader.page.entry("No. 000").count()) == (LISTED, 0)
    await tab.locator("nav").get_by_role("button", name="More", exact=True).click()
    await reader.page.entry("No. 000").wait_for()
    assert await entries.count() == LISTED + 3
    await tab.get_by_label("Search").fill("No. 00")
    await reader.page.entry(f"No. {LISTED + 1}").wait_for(state="detached")
