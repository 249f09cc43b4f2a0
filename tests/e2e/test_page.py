"""The page at `/`, in a real browser: two people on two gateways, and what they see when one gateway dies."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.system import System, whole_system

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed: make test does it")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: install it to test the page")
SLOW_WORDS = {"ANTIPHON_OFFLINE_WORD_MS": "60"}  # so that a gateway can be killed in the middle of a reply
PROMPT_S = 15.0


class Page:
    """One person's browser window."""

    def __init__(self, page: "playwright_api.Page") -> None:
        self.page = page
        self.complaints: list[str] = []
        page.set_default_timeout(PROMPT_S * 1000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._on_console)

    def _on_console(self, message: "playwright_api.ConsoleMessage") -> None:
        away = ("WebSocket connection to", "ERR_CONNECTION_REFUSED", "Failed to load resource")  # a gateway is dead
        if message.type == "error" and not any(words in message.text for words in away):
            self.complaints.append(message.text)

    async def enter(self, address: str, name: str) -> None:
        """Comes in as a guest of this name."""
        await self.page.goto(address)
        await self.page.get_by_label("Your name").fill(name)
        await self.page.get_by_role("button", name="Come in").click()
        await self.page.wait_for_selector("#status[data-state=connected]")

    async def say(self, text: str, ask: bool = False) -> None:
        """Types a message and presses Enter."""
        await self.page.get_by_label("ask the assistant").set_checked(ask)
        await self.page.get_by_label("Message", exact=True).fill(text)
        await self.page.keyboard.press("Enter")

    async def texts(self) -> list[str]:
        """The texts of all messages, from the first to the last."""
        return [str(text) for text in await self.page.locator("#messages .text").all_text_contents()]

    async def shows(self, *texts: str) -> None:
        """These are the messages, in this order, and none is on its way."""

        async def same() -> bool:
            on_its_way = await self.page.locator("#messages .pending, #messages .running").count()
            return await self.texts() == list(texts) and on_its_way == 0

        await eventually(same, PROMPT_S)

    async def status(self) -> str:
        return str(await self.page.locator("#status").text_content())


@pytest.fixture
async def system(data_dir: Path) -> AsyncIterator[System]:
    """A system whose offline model writes slowly."""
    async with whole_system(data_dir, environment=SLOW_WORDS) as running:
        yield running


@pytest.fixture
async def browser() -> AsyncIterator["playwright_api.Browser"]:
    """The Chromium of this machine, without a window."""
    async with playwright_api.async_playwright() as tools:
        running = await tools.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        await running.close()


async def window(browser: "playwright_api.Browser", **options: object) -> Page:
    """A window of its own: nothing is shared with the others."""
    context = await browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
    return Page(await context.new_page())


async def invited(system: System, browser: "playwright_api.Browser") -> tuple[Page, Page]:
    """Ada at the first gateway with a new conversation, and Bob, who followed her invitation, at the second."""
    ada, bob = await window(browser), await window(browser, color_scheme="dark", viewport={"width": 400, "height": 800})
    await ada.enter(system.addresses[0], "Ada")
    await ada.page.get_by_role("button", name="New conversation").click()
    await ada.page.get_by_role("button", name="Invite").click()
    await ada.page.get_by_text("The invite link is in the clipboard").wait_for()
    link = str(await ada.page.evaluate("navigator.clipboard.readText()"))
    await bob.enter(link.replace(system.addresses[0], system.addresses[1]), "Bob")
    await ada.page.locator("#people", has_text="Ada, Bob").wait_for()
    await bob.page.locator("#people", has_text="Ada, Bob").wait_for()
    return ada, bob


async def test_two_people_talk_on_two_gateways(system: System, browser: "playwright_api.Browser") -> None:
    ada, bob = await invited(system, browser)
    await ada.say("Hello Bob!\nA second line.")
    await bob.shows("Hello Bob!\nA second line.")
    hostile = "<img src=x onerror=alert(1)><b>bold?</b>"
    await bob.say(hostile)
    said = ("Hello Bob!\nA second line.", hostile)
    await ada.shows(*said)
    await bob.shows(*said)
    assert "gateway-1" in await ada.status()
    assert "gateway-2" in await bob.status()
    assert "join=" not in bob.page.url, "an invitation that was used is not kept in the address"
    await ada.page.reload()
    await ada.shows(*said)
    assert ada.complaints == bob.complaints == []


async def test_a_gateway_dies_in_the_middle_of_a_reply(system: System, browser: "playwright_api.Browser") -> None:
    ada, bob = await invited(system, browser)
    await ada.say("Who are you?", ask=True)

    async def grows() -> bool:
        return len((await ada.texts())[-1]) > 40

    await ada.page.locator("#messages .running").wait_for()
    await eventually(grows, PROMPT_S)
    system.kill("gateway-1")
    await ada.say("Still here.")

    async def ended() -> bool:
        running = await bob.page.locator("#messages .running").count()
        return running == 0 and len(await bob.texts()) == 3

    await eventually(ended, 30)
    texts = await bob.texts()
    assert "Still here." in texts
    await ada.shows(*texts)
    assert await ada.page.locator("#status").get_attribute("data-state") == "connected"
    assert ada.complaints == bob.complaints == []
