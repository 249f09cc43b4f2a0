"""The page without a mouse, by its roles and names, on a phone's width, in light and dark, and how still it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.page import CHROMIUM, NO_CHROMIUM, window
from tests.support.legible import announced, faint, focused, moved, nameless, too_small, too_wide, watch, workable
from tests.support.system import System, whole_system

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed: make test does it")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM), pytest.mark.asyncio(loop_scope="module")]
PHONE = {"width": 375, "height": 667}
WIDE = (
    "https://example.org/"
    + "verylong" * 20
    + "\n\n```python\n"
    + "x = "
    + "1 + " * 60
    + "1\n```\n\n| a | b |\n|---|---|\n| "
)
MANY_TABS = 60


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="system")
async def _system(session_directory: Path) -> AsyncIterator[System]:
    async with whole_system(session_directory / "keyboard", environment={"ANTIPHON_OFFLINE_WORD_MS": "15"}) as running:
        yield running


async def test_everything_is_done_without_a_mouse(system: System, browser: "playwright_api.Browser") -> None:
    ada = await window(browser)
    press = ada.page.keyboard.press
    await ada.page.goto(system.addresses[0])
    assert await nameless(ada.page) == []
    await ada.page.keyboard.type("Ada")
    await press("Enter")
    await ada.page.wait_for_selector("#status[data-state=connected]")
    assert await focused(ada.page) == "text"
    await ada.page.keyboard.type("A question")
    await press("Enter")
    await ada.answered()
    await ada.entry("A question").wait_for()
    assert await focused(ada.page) == "text", "one goes on writing"

    walked = []
    for _ in range(MANY_TABS):
        await press("Tab")
        if await ada.page.evaluate("document.activeElement === document.body"):
            continue  # the browser's own controls
        walked.append(await focused(ada.page))
        if walked[-1] == "text":
            break
    assert walked[-1] == "text", "Tab leads around"
    assert await workable(ada.page) <= set(walked)
    assert "Answer again" in walked
    said = await announced(ada.page)
    assert any("You wrote" in text for text in said)
    assert "gateway-1" in said, "not the figures beside it, which change all the time"
    assert await nameless(ada.page) == []

    await press("Shift+Tab")
    while "article" not in str(await ada.page.evaluate("document.activeElement.tagName")).lower():
        await press("Shift+Tab")
    await press("ArrowUp")
    assert "A question" in await ada.page.evaluate("document.activeElement.innerText")
    await press("Tab")
    assert await focused(ada.page) == "Copy"
    await press("Tab")
    assert await focused(ada.page) == "Edit"
    await press("Enter")
    assert await focused(ada.page) == "Edit", "the text of the message"
    await ada.page.keyboard.type("Another question")
    await press("Enter")
    await ada.message("Another question").get_by_text("edited", exact=True).wait_for()
    assert "Another question" in await ada.page.evaluate("document.activeElement.innerText")
    assert ada.complaints == []

    more = ada.page.locator("main > header").get_by_role("button", name="More")
    await more.focus()
    await press("Enter")
    assert await nameless(ada.page) == []
    await press("Escape")
    assert await focused(ada.page) == "More"
    await press("Enter")
    await press("End")
    assert await focused(ada.page) == "CSV"
    await press("Home")
    while await focused(ada.page) != "Look back":
        await press("ArrowDown")
    await press("Enter")
    await ada.page.get_by_role("slider", name="As it was").wait_for()
    assert await focused(ada.page) == "As it was"
    assert await nameless(ada.page) == []
    await press("Home")
    await ada.page.get_by_text("Nothing has been said here yet.").wait_for()
    await press("Escape")
    await ada.message("Another question").wait_for()
    assert await focused(ada.page) == "text"


async def test_a_dialog_holds_the_focus_and_gives_it_back(system: System, browser: "playwright_api.Browser") -> None:
    ada = await window(browser)
    press = ada.page.keyboard.press
    await ada.enter(system.addresses[0], "Ada")
    await ada.say("Here")
    await ada.shows("Here")
    await ada.entry("Here").get_by_role("button", name="More").focus()
    await press("Enter")
    assert await focused(ada.page) == "Rename"
    await press("Enter")
    await ada.page.get_by_role("dialog", name="New title").wait_for()
    assert await focused(ada.page) == "New title"
    assert await nameless(ada.page) == []
    for _ in range(6):
        await press("Tab")
        assert await ada.page.evaluate(
            "document.activeElement.closest('dialog') || document.activeElement === document.body"
        )
    await press("Escape")
    await ada.page.get_by_role("dialog").wait_for(state="detached")
    assert await focused(ada.page) == "More: Here"
    for opener, name in (("Plan a track", "Plan a track"), ("Who is here", "Who is here")):
        button = ada.page.get_by_role("button", name=opener)
        await button.focus()
        before = await focused(ada.page)
        await press("Enter")
        await ada.page.get_by_role("dialog", name=name).wait_for()
        assert await nameless(ada.page) == []
        await press("Escape")
        await ada.page.get_by_role("dialog").wait_for(state="detached")
        assert await focused(ada.page) == before
    assert ada.complaints == []


async def test_it_all_fits_a_phone(system: System, browser: "playwright_api.Browser") -> None:
    ada = await window(browser, viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion="reduce")
    page = ada.page
    await ada.enter(system.addresses[0], "Ada with quite a long name")
    await ada.say("Words that go on for much longer than the title of a conversation can be on a telephone", ask=True)
    await ada.answered()
    await ada.say(WIDE)
    await ada.message("verylong").and_(page.locator(".posted")).wait_for()

    async def fits() -> None:
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert await too_wide(page) == []
        assert await too_small(page) == []

    await fits()
    box = await page.get_by_label("Message", exact=True).bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < PHONE["height"]
    assert box["width"] > PHONE["width"] * 0.8
    await page.locator("main > header").get_by_role("button", name="More").tap()
    await page.get_by_role("menuitem", name="Invite").tap()
    await page.get_by_text("The invite link is in the clipboard").wait_for()
    await fits()
    for name in ("More", "Chats"):
        await page.locator("main > header").get_by_role("button", name=name).tap()
        sheet = await page.get_by_role("menu").bounding_box()
        assert sheet is not None
        assert sheet["x"] >= 0
        await fits()
        await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Show conversations").tap()
    await page.locator("#sidebar.open").wait_for()
    await fits()
    await page.keyboard.press("Escape")
    await page.locator("#sidebar").wait_for(state="hidden")
    await page.locator("#menu:focus-visible").wait_for()
    await page.get_by_role("button", name="Show conversations").tap()
    await page.get_by_role("button", name="Plan a track").tap()
    await fits()
    await page.get_by_role("button", name="Close").tap()
    await page.get_by_role("button", name="New conversation").tap()
    await page.get_by_text("What shall we talk about?").wait_for()
    await fits()
    assert ada.complaints == []


async def test_a_long_name_fits_a_phone(system: System, browser: "playwright_api.Browser") -> None:
    ada = await window(browser, viewport=PHONE, has_touch=True, is_mobile=True)
    bob = await window(browser, viewport=PHONE, has_touch=True, is_mobile=True)
    await ada.enter(system.addresses[0], "A" * 60)
    await ada.say("Come in!")
    await ada.shows("Come in!")
    await ada.page.get_by_role("button", name="More", exact=True).tap()
    await ada.page.get_by_role("menuitem", name="Invite").tap()
    await ada.page.get_by_text("The invite link is in the clipboard").wait_for()
    await bob.enter(str(await ada.page.evaluate("navigator.clipboard.readText()")), "B" * 60)
    await bob.shows("Come in!")
    await ada.page.get_by_text("Seen by B").wait_for()
    for one in (ada, bob):
        await one.page.locator(".event").wait_for()
        width = "(it) => it.scrollWidth"
        assert await one.page.locator("#scroll").evaluate(width) == PHONE["width"]


async def test_nothing_jumps_while_a_reply_is_written(system: System, browser: "playwright_api.Browser") -> None:
    ada = await window(browser)
    await ada.enter(system.addresses[0], "Ada")
    await ada.say("A long question.\n\n" + "It has many lines.\n\n" * 8, ask=True)
    await ada.answered()
    await watch(ada.page)
    await ada.say("And a short one", ask=True)
    await ada.answered(2)
    assert await moved(ada.page) == []


@pytest.mark.parametrize("look", ["light", "dark"])
async def test_it_can_be_read_in_the_light_and_in_the_dark(
    look: str, system: System, browser: "playwright_api.Browser"
) -> None:
    ada = await window(browser, color_scheme=look)
    await ada.page.goto(system.addresses[0])
    assert await faint(ada.page) == []
    await ada.enter(system.addresses[0], "Ada")
    assert await faint(ada.page) == []
    await ada.say(
        "**Words**, `code` and [a link](https://example.org)\n\n> a quote\n\n```python\nassert 1 == 'one'  # no\n```",
        ask=True,
    )
    await ada.answered()
    await ada.message("Words").first.hover()
    await ada.message("Words").first.get_by_role("button", name="Take back").click()
    assert await faint(ada.page) == []
    await ada.page.get_by_role("dialog").get_by_role("button", name="Take back").click()
    await ada.page.get_by_text("This message was taken back.").wait_for()
    await ada.page.get_by_role("button", name="Settings").click()
    assert await faint(ada.page) == []
    other = {"light": "Dark", "dark": "Light"}[look]
    before = await ada.page.evaluate("getComputedStyle(document.body).backgroundColor")
    await ada.page.get_by_role("menuitem", name=other).click()
    after = await ada.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert before != after
    await ada.page.reload()
    await ada.page.locator("#me").wait_for()
    assert await ada.page.evaluate("getComputedStyle(document.body).backgroundColor") == after
