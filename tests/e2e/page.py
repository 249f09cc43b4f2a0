"""The page at `/` in a real browser, as one person sees it."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.support.eventually import eventually
from tests.support.system import System

if TYPE_CHECKING:
    from playwright.async_api import Browser, ConsoleMessage, Locator
    from playwright.async_api import Page as Tab

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_CHROMIUM = "no Chromium here: install it to test the page"
SLOW_WORDS = {"ANTIPHON_OFFLINE_WORD_MS": "60"}  # so that much can happen in the middle of a reply
PROMPT_S = 15.0
AWAY = ("WebSocket connection to", "ERR_CONNECTION", "ERR_INTERNET", "Failed to load resource")  # a gateway, or the net


class Page:
    """One person's browser window."""

    def __init__(self, page: "Tab") -> None:
        self.page = page
        self.complaints: list[str] = []
        page.set_default_timeout(PROMPT_S * 1000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._on_console)

    def _on_console(self, message: "ConsoleMessage") -> None:
        if message.type == "error" and not any(words in message.text for words in AWAY):
            self.complaints.append(message.text)

    async def enter(self, address: str, name: str) -> None:
        """Comes in as a guest of this name."""
        await self.page.goto(address)
        await self.page.get_by_label("Your name").fill(name)
        await self.page.get_by_role("button", name="Come in", exact=True).click()
        await self.page.wait_for_selector("#status[data-state=connected]")

    async def say(self, text: str, ask: bool = False) -> None:
        """Types a message and presses Enter."""
        await self.page.get_by_label("ask the assistant").set_checked(ask)
        await self.page.get_by_label("Message", exact=True).fill(text)
        await self.page.keyboard.press("Enter")

    async def texts(self) -> list[str]:
        """The texts of all messages, from the first to the last."""
        return [text.strip() for text in await self.page.locator("#messages .text").all_inner_texts()]

    async def shows(self, *texts: str) -> None:
        """These are the messages, in this order, and none is on its way."""

        async def same() -> bool:
            on_its_way = await self.page.locator("#messages :is(.pending, .waiting, .running)").count()
            return await self.texts() == list(texts) and on_its_way == 0

        await eventually(same, PROMPT_S)

    async def reads(self, at_least: int) -> str:
        """The text of the reply on its way, once it has so many characters."""

        async def grown() -> str:
            found = await self.page.locator("#messages .running .text:not(.doing)").all_inner_texts()
            return found[0].strip() if found and len(found[0].strip()) >= at_least else ""

        return await eventually(grown, PROMPT_S)

    async def answered(self, count: int = 1, timeout_s: float = 30.0) -> str:
        """The last answer, once there are `count` and none is on its way."""

        async def ended() -> str:
            if await self.page.locator("#messages :is(.pending, .waiting, .running)").count():
                return ""
            found = await self.page.locator("#messages .assistant.posted .text").all_inner_texts()
            return found[-1].strip() if len(found) == count else ""

        return await eventually(ended, timeout_s)

    async def choose(self, of: "Locator", *, menu: str, choice: str) -> None:
        """Opens a menu of what is named `menu`, and takes a choice."""
        await of.hover()
        await of.get_by_role("button", name=menu).click()
        await of.get_by_role("menuitem", name=choice).click()

    def entry(self, title: str) -> "Locator":
        """A session in the list, by a piece of its title."""
        return self.page.locator("#sessions li", has_text=title)

    def message(self, text: str) -> "Locator":
        """A message that has this text in it."""
        return self.page.locator("#messages .message", has_text=text)

    async def invite(self) -> str:
        """A fresh link that leads into the session on the screen."""
        await self.page.evaluate("navigator.clipboard.writeText('')")
        await self.page.get_by_role("button", name="Invite").click()
        await self.page.get_by_text("The invite link is in the clipboard").wait_for()
        return str(await eventually(lambda: self.page.evaluate("navigator.clipboard.readText()")))

    async def status(self) -> str:
        """What the corner says."""
        return str(await self.page.locator("#status").text_content())


@asynccontextmanager
async def chromium() -> AsyncIterator["Browser"]:
    """A browser without a screen."""
    from playwright.async_api import async_playwright  # where it is not installed, these tests are left out

    async with async_playwright() as tools:
        browser = await tools.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def window(browser: "Browser", **options: object) -> Page:
    """A window of its own: nothing is shared with the others."""
    context = await browser.new_context(permissions=["clipboard-read", "clipboard-write"], locale="en-GB", **options)  # type: ignore[arg-type]
    return Page(await context.new_page())


async def invited(system: System, browser: "Browser") -> tuple[Page, Page]:
    """Ada at the first gateway with a new conversation, and Bob, who followed her invitation, at the second."""
    ada, bob = await window(browser), await window(browser, color_scheme="dark", viewport={"width": 400, "height": 800})
    await ada.enter(system.addresses[0], "Ada")
    await ada.say("Come in!")
    await ada.shows("Come in!")
    link = await ada.invite()
    await bob.enter(link.replace(system.addresses[0], system.addresses[1]), "Bob")
    await ada.page.locator("#people", has_text="Ada, Bob").wait_for()
    await bob.page.locator("#people", has_text="Ada, Bob").wait_for()
    return ada, bob
