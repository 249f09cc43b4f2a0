"""After a reload the page shows what it has shown before, whatever has happened in the conversation."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared import ids
from tests.e2e.page import CHROMIUM, NO_CHROMIUM, PROMPT_S, Page, invited, window
from tests.support.client import connected
from tests.support.eventually import eventually
from tests.support.openai_server import ANSWER, Call, OpenAIServer, openai_server
from tests.support.system import System, whole_system

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed: make test does it")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM), pytest.mark.asyncio(loop_scope="module")]

WHOLE, BEGUN = "".join(ANSWER), "".join(ANSWER[:2]).strip()
UNREACHABLE = "The reply failed: The model's provider can't be reached. Please try again in a while."
UNSET = "The model is not set up correctly."
HANDED = Call("hand_over", {"to": "planner", "reason": "It is about a course."}, "One moment.")
HANDED_OVER = "Planner answers from here on: It is about a course."
SHOWN = """() => [...document.querySelectorAll("#messages > [data-id]")].map((it) => [
  it.dataset.id, it.className, ...it.innerText.split("\\n").map((line) => line.trim()).filter(Boolean),
])"""  # of all that is there, from the first to the last: what it is, and what can be read


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="model")
async def _model() -> AsyncIterator[OpenAIServer]:
    async with openai_server() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="system")
async def _system(tmp_path_factory: pytest.TempPathFactory, model: OpenAIServer) -> AsyncIterator[System]:
    provider = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "sk-test", "ANTIPHON_MODEL": "test-model"}
    async with whole_system(tmp_path_factory.mktemp("reload"), environment=provider) as running:
        yield running


async def shown(page: Page) -> list[list[str]]:
    found: list[list[str]] = await page.page.evaluate(SHOWN)
    return found


async def do(page: Page, text: str, what: str) -> None:
    """Presses the button under the newest message with this text."""
    said = page.page.locator(".message", has_text=text).last
    await said.hover()
    await said.get_by_role("button", name=what, exact=True).click()


async def take_back(page: Page, address: str, text: str) -> None:
    """Takes a message back, from elsewhere."""
    said = await page.page.locator(".message", has_text=text).get_attribute("data-id")
    token = await page.page.evaluate("localStorage.getItem('antiphon.token')")
    async with connected(address, token) as client:
        session = page.page.url.partition("#session=")[2]
        await client.rpc("message.redact", id=ids.uuid7(), session_id=session, message_id=said)


async def test_a_reload_shows_what_was_shown_before(
    system: System, model: OpenAIServer, browser: "playwright_api.Browser"
) -> None:
    ada, bob = await invited(system, browser)
    await ada.say("Who are you?", ask=True)
    assert await ada.answered() == WHOLE
    model.faults = ["cut"]
    await ada.say("Break off", ask=True)
    await ada.page.locator(".message.failed").wait_for()
    model.calls = [HANDED]
    await ada.say("Plan a course", ask=True)
    await ada.answered(2)
    await ada.page.get_by_role("button", name="More", exact=True).click()
    await ada.page.get_by_role("menuitem", name="Coordinator").click()
    await ada.page.locator(".event", has_text="Coordinator").wait_for()
    await bob.say("Never mind")
    await ada.page.locator(".message", has_text="Never mind").wait_for()
    await take_back(bob, system.addresses[0], "Never mind")
    await do(ada, "Come in!", "Edit")
    await ada.page.locator(".editor textarea").fill("Come in, all!")
    await ada.page.keyboard.press("Enter")
    await bob.page.locator(".message", has_text="Come in, all!").wait_for()
    await ada.page.locator(".message.redacted").wait_for()
    model.faults = [401]
    await do(ada, WHOLE, "Answer again")
    for page in (ada, bob):
        await page.page.locator(".message.failed").nth(1).wait_for()

    before = [await shown(ada), await shown(bob)]
    words = "\n".join("\n".join(one[2:]) for one in before[0])
    for part in ("edited", BEGUN, UNREACHABLE, UNSET, HANDED_OVER, "taken back"):
        assert part in words, "it was there to be seen"
    assert UNSET in "\n".join(before[0][-1]), "what failed is told where it happened, and takes nobody's place"
    for page, then in zip((ada, bob), before, strict=True):
        await page.page.reload()

        async def same(page: Page = page, then: list[list[str]] = then) -> bool:
            assert await shown(page) == then
            return True

        await eventually(same, PROMPT_S)

    await ada.page.get_by_role("button", name="More", exact=True).click()
    await ada.page.get_by_role("menuitem", name="Look back").click()
    slider = ada.page.get_by_role("slider", name="As it was")
    first, last = [str(await slider.get_attribute(name)) for name in ("min", "max")]
    for at, those in ((first, []), (last, before[0])):
        await slider.fill(at)

        async def as_then(those: list[list[str]] = those) -> bool:
            return [one[0] for one in await shown(ada)] == [one[0] for one in those]

        await eventually(as_then, PROMPT_S)
    assert ada.complaints == bob.complaints == []


async def test_a_reply_that_has_failed_is_asked_for_again(
    system: System, model: OpenAIServer, browser: "playwright_api.Browser"
) -> None:
    ada = await window(browser)
    await ada.enter(system.addresses[0], "Ada")
    model.faults = ["cut"]
    await ada.say("Break off", ask=True)
    failed = ada.page.locator(".message.failed")
    await failed.wait_for()
    await ada.page.reload()
    await failed.hover()
    await failed.get_by_role("button", name="Answer again").click()
    await ada.shows("Break off", WHOLE)
    await failed.wait_for(state="detached")
    assert ada.complaints == []
