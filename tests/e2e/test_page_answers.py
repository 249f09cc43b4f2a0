"""Who answers at the page, and in which language it speaks: a reply is stopped, agents follow each other, Russian."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.llm.offline import answer
from tests.e2e.page import CHROMIUM, NO_CHROMIUM, SLOW_WORDS, Page, window
from tests.support.system import System, whole_system

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed: make test does it")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM), pytest.mark.asyncio(loop_scope="module")]

ALL_TEXTS = """() => [document.title, ...[...document.querySelectorAll("body *")].flatMap((it) => [
  ...["aria-label", "aria-valuetext", "title", "placeholder", "alt"].map((name) => it.getAttribute(name) ?? ""),
  ...[...it.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ textContent }) => textContent),
])].map((text) => text.trim()).filter(Boolean)"""
NAMES = {"Antiphon", "gateway", "ms", "English", "Coordinator", "Planner", "MD", "HTML", "JSON", "JSONL", "CSV"}


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="system")
async def _system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    async with whole_system(tmp_path_factory.mktemp("answers"), environment=SLOW_WORDS) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="ada")
async def _ada(system: System, browser: "playwright_api.Browser") -> Page:
    ada = await window(browser)
    await ada.enter(system.addresses[0], "Ada")
    return ada


async def test_a_reply_that_is_stopped_keeps_what_it_has_said(ada: Page) -> None:
    await ada.say("Who are you?", ask=True)
    before = await ada.reads(20)
    await ada.page.get_by_role("button", name="Stop").click()
    said = await ada.answered()
    assert said.startswith(before)
    assert answer("Who are you?").replace("`", "").startswith(said)
    assert said != answer("Who are you?").replace("`", "")
    stopped = ada.page.locator(".message.assistant .note", has_text="stopped")
    await stopped.wait_for()
    assert not await ada.page.get_by_role("button", name="Stop").is_visible()
    await ada.page.reload()
    await stopped.wait_for()
    assert await ada.answered() == said
    assert ada.complaints == []


async def test_who_answers_is_chosen_and_a_hand_over_is_shown(ada: Page) -> None:
    page = ada.page
    await page.get_by_role("button", name="New conversation").click()
    await ada.say("Hello")
    await ada.shows("Hello")
    await page.get_by_role("button", name="More", exact=True).click()
    await page.get_by_role("menuitem", name="Planner").click()
    await page.locator(".event", has_text="Planner answers from here on").wait_for()
    await ada.say("Please hand over to the coordinator", ask=True)
    await page.locator(".event", has_text="Coordinator answers from here on: Somebody here asked for it.").wait_for()
    said = await ada.answered(timeout_s=40)
    assert said.startswith("I'm handing over to the coordinator.")
    await page.locator(".message.assistant .who", has_text="Coordinator").wait_for()
    await page.get_by_role("button", name="More", exact=True).click()
    assert await page.get_by_role("menuitem", name="Coordinator").get_attribute("aria-current") == "true"
    await page.keyboard.press("Escape")
    assert ada.complaints == []


async def test_the_model_is_tested_from_the_settings(ada: Page) -> None:
    await ada.page.get_by_role("button", name="Settings").click()
    await ada.page.get_by_role("menuitem", name="Test the model").click()
    await ada.page.get_by_role("alert").get_by_text(re.compile(r"^offline answers · \d+ ms$")).wait_for()


async def test_the_page_speaks_russian_and_nothing_else(system: System, ada: Page) -> None:
    boris = await window(ada.page.context.browser)
    await boris.enter(system.addresses[1], "Борис")
    page, seen = boris.page, set[str]()

    async def look() -> None:
        seen.update(await page.evaluate(ALL_TEXTS))

    assert await page.locator("html").get_attribute("lang") == "en"
    await look()
    assert "Write a message" in seen, "all texts are found"
    seen.clear()
    await page.get_by_role("button", name="Settings").click()
    await page.get_by_role("menuitem", name="Русский").click()
    await page.locator("html[lang=ru]").wait_for()
    await look()
    await page.get_by_role("button", name="Спланировать курс").click()
    await look()
    await page.keyboard.press("Escape")
    await page.get_by_label("спросить ассистента").set_checked(False)
    await page.get_by_label("Сообщение", exact=True).fill("Привет")
    await page.keyboard.press("Enter")
    await boris.shows("Привет")
    await look()
    for button in ("Ещё", "Настройки"):
        await page.get_by_role("button", name=button, exact=True).click()
        await look()
        await page.keyboard.press("Escape")
    await page.locator("#people").click()
    await look()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Ещё", exact=True).click()
    await page.get_by_role("menuitem", name="Как было").click()
    await page.get_by_role("button", name="Вернуться к настоящему").wait_for()
    await look()
    await page.reload()
    await page.locator("html[lang=ru]").wait_for()
    await page.get_by_role("button", name="Настройки").click()
    await page.get_by_role("menuitem", name="Выйти из этого браузера").click()
    await page.get_by_role("heading", name="Добро пожаловать").wait_for()
    await look()
    assert "Напишите сообщение" in seen
    foreign = {text: words for text in seen if (words := set(re.findall(r"[A-Za-z]{2,}", text)) - NAMES)}
    assert foreign == {}
    assert boris.complaints == []


async def test_a_chunk_that_comes_before_its_reply_was_begun_has_no_time_of_its_own(
    system: System, browser: "playwright_api.Browser"
) -> None:
    ada = await window(browser)

    def late(socket: "playwright_api.WebSocketRoute") -> None:
        server = socket.connect_to_server()

        def pass_on(frame: str | bytes) -> None:
            lines = str(frame).split("\n")
            if rest := [line for line in lines if "reply.started" not in line]:
                socket.send("\n".join(rest))

        server.on_message(pass_on)

    await ada.page.route_web_socket("**/connection/websocket", late)
    await ada.enter(system.addresses[0], "Ada")
    await ada.say("Who are you?", ask=True)
    await ada.reads(20)
    assert await ada.page.locator(".message.running time").count() == 0
    await ada.answered()
    assert await ada.page.locator(".message.assistant time").count() == 1
    assert ada.complaints == []
