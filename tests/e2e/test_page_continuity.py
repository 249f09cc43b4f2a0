"""The page goes on: while its gateway dies, with a clock that is wrong, without a part of the system."""

import os
import re
import signal
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import pytest_asyncio

from services.llm.offline import answer
from tests.e2e.page import CHROMIUM, NO_CHROMIUM, SLOW_WORDS, window
from tests.support.system import System, whole_system

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed: make test does it")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM), pytest.mark.asyncio(loop_scope="module")]

STANDSTILL_MS = 1000
WATCH = """() => {
  const grown = window.grown = [];
  const length = () => document.querySelector("#messages .assistant .text")?.innerText.length ?? 0;
  let last = length();
  new MutationObserver(() => {
    const now = length();
    if (now !== last) grown.push([performance.now(), now]);
    last = now;
  }).observe(document.querySelector("#messages"), { subtree: true, childList: true, characterData: true });
}"""  # from here on: when the reply's text changed, and how long it was then
MINUTES = 60_000
SHIFTED = "(by) => { const now = Date.now; Date.now = () => now() + by; }"
DEGRADED = "lists may be a moment old"


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="system")
async def _system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    async with whole_system(tmp_path_factory.mktemp("continuity"), environment=SLOW_WORDS) as running:
        yield running


async def test_a_gateway_is_killed_and_its_reply_never_stands_still_for_a_second(
    system: System, browser: "playwright_api.Browser"
) -> None:
    ada = await window(browser)
    await ada.enter(system.addresses[0].replace("127.0.0.1", "localhost"), "Ada")
    await ada.say("Who are you?", ask=True)
    before = await ada.reads(40)
    await ada.page.evaluate(WATCH)
    pid = system.kill("gateway-1")
    await ada.say("Still here.")
    await ada.page.locator("#messages").get_by_text("Still here.").wait_for()
    whole = await ada.answered()
    assert whole == answer("Who are you?").replace("`", "")
    assert whole.startswith(before)
    grown = await ada.page.evaluate("window.grown")
    lengths = [length for _, length in grown]
    assert lengths == sorted(lengths), "what was on the screen stayed there"
    assert len(grown) > 20
    pauses = [round(after[0] - before[0]) for before, after in pairwise(grown)]
    print(f"longest pause {max(pauses)} ms, then {sorted(pauses)[-5:]}")
    assert max(pauses) < STANDSTILL_MS
    assert "gateway-2" in await ada.status()
    texts = await ada.texts()
    assert sorted(texts) == sorted(["Who are you?", "Still here.", whole])
    await system.back("gateway-1", pid)
    await system.listens("gateway-1")
    await ada.shows(*texts)
    assert ada.complaints == []


async def test_every_gateway_is_killed_and_what_is_typed_meanwhile_is_sent_once(
    system: System, browser: "playwright_api.Browser"
) -> None:
    ada = await window(browser)
    await ada.enter(system.addresses[0], "Ada")
    await ada.say("Who are you?", ask=True)
    before = await ada.reads(20)
    pids = {name: system.kill(name) for name in ("gateway-1", "gateway-2")}
    await ada.say("One")
    await ada.say("Two")
    await ada.page.locator(".message.pending").nth(1).wait_for()
    assert before in (await ada.texts())[1]
    for name, pid in pids.items():
        await system.back(name, pid)
    whole = await ada.answered()
    texts = await ada.texts()
    assert sorted(texts) == sorted(["Who are you?", "One", "Two", whole])
    assert texts.index("One") < texts.index("Two")
    await ada.page.reload()
    await ada.shows(*texts)
    assert ada.complaints == []


async def test_what_is_typed_without_a_net_is_sent_once_it_is_back(
    system: System, browser: "playwright_api.Browser"
) -> None:
    ada = await window(browser)
    cut = False

    async def through(socket: "playwright_api.WebSocketRoute") -> None:
        await socket.close() if cut else socket.connect_to_server()

    await ada.page.route_web_socket("**/connection/websocket", through)
    await ada.enter(system.addresses[0], "Ada")
    await ada.say("On land")
    await ada.shows("On land")
    cut = True
    await ada.page.context.set_offline(True)
    await ada.page.locator("#status", has_text="offline").wait_for()
    await ada.say("At sea")
    await ada.page.get_by_text("sent as soon as there is a connection").wait_for()
    cut = False
    await ada.page.context.set_offline(False)
    await ada.shows("On land", "At sea")
    assert await ada.page.locator(".message.refused").count() == 0
    assert ada.complaints == []


async def test_what_goes_over_http_goes_to_the_next_gateway_too(
    system: System, browser: "playwright_api.Browser"
) -> None:
    ada = await window(browser)
    page, (own, other) = ada.page, system.addresses
    await ada.enter(own, "Ada")
    await page.get_by_role("button", name="Settings").click()
    await page.get_by_role("menuitem", name="Leave this browser").click()
    await page.route(f"{own}/api/**", lambda route: route.abort("connectionrefused"))
    await page.get_by_role("button", name="I have a token").click()
    await page.get_by_label("Token").fill(system.token("grace", name="Grace"))
    await page.get_by_role("button", name="Come in", exact=True).click()
    await page.wait_for_selector("#status[data-state=connected]")
    await ada.say("To be kept")
    await ada.shows("To be kept")
    await page.get_by_role("button", name="More", exact=True).click()
    async with page.expect_response(f"{other}/api/sessions/*/export*") as answered, page.expect_download() as saved:
        await page.get_by_role("menuitem", name="MD").click()
    assert (await answered.value).ok
    file = await saved.value
    assert re.fullmatch(r"[0-9a-f-]{36}-\d+\.md", file.suggested_filename), "the name in the other's answer can be read"
    assert "To be kept" in (await file.path()).read_text()
    assert ada.complaints == []


@pytest.mark.parametrize("by", [10 * MINUTES, -24 * 60 * MINUTES])
async def test_a_clock_that_is_wrong_keeps_nobody_from_writing(
    by: int, system: System, browser: "playwright_api.Browser"
) -> None:
    ada = await window(browser)
    await ada.page.add_init_script(f"({SHIFTED})({by})")
    await ada.enter(system.addresses[1], "Ada")
    await ada.say("On time")
    await ada.shows("On time")
    await ada.page.route_web_socket("**/connection/websocket", lambda socket: socket.close())  # from the reload on
    await ada.page.reload()
    await ada.page.get_by_role("button", name="New conversation").click()
    await ada.say("Before the time was known")
    await ada.say("And after it")
    await ada.page.locator(".message.pending").nth(1).wait_for()
    await ada.page.unroute_all()
    fresh = await ada.page.context.new_page()
    await fresh.goto(ada.page.url)
    again = type(ada)(fresh)
    await again.shows("Before the time was known", "And after it")
    await fresh.reload()
    await again.shows("Before the time was known", "And after it")
    assert again.complaints == []


async def test_what_is_away_is_told_while_it_is(system: System, browser: "playwright_api.Browser") -> None:
    ada = await window(browser)
    await ada.enter(system.addresses[0], "Ada")
    await ada.say("Is all well?")
    await ada.shows("Is all well?")
    assert DEGRADED not in await ada.status()
    pid = int(system.ps()["projector-1"]["pid"])
    os.kill(pid, signal.SIGSTOP)
    try:
        await ada.page.locator("#status.degraded", has_text=DEGRADED).wait_for()
    finally:
        os.kill(pid, signal.SIGCONT)
    await ada.page.locator("#status:not(.degraded)").wait_for()
    assert DEGRADED not in await ada.status()
    assert ada.complaints == []
