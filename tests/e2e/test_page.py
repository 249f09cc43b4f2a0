"""The page at `/`, in a real browser: two people on two gateways, a reload, the outbox, and hostile messages."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.gateway.api.web import DIST
from tests.e2e.page import CHROMIUM, NO_CHROMIUM, SLOW_WORDS, Page, invited, window
from tests.support.eventually import eventually
from tests.support.system import System, whole_system

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed: make test does it")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM), pytest.mark.asyncio(loop_scope="module")]
JAVASCRIPT_BYTES = 200_000
HOSTILE = (
    "<img src=x onerror=alert(1)><b>bold?</b>",
    "<script>alert(1)</script>",
    "[link](javascript:alert(1))",
    '![image](x"onerror=alert(1))',
    "[data](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "<svg/onload=alert(1)>",
    '<a href="java&#115;cript:alert(1)">x</a>',
    "```html\n<img src=x onerror=alert(1)>\n```",
    "`<iframe srcdoc='<script>alert(1)</script>'>`",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<form><input name=body></form><input name=attributes>",
    ">" * 16_000,
    "*a **b " * 1_000 + " b** a*" * 1_000,
)
HOSTILE_MS = 60_000  # on a machine that is full: two of them are as hard to parse as a text can be
NO_STORAGE = """() => {
  const denied = () => { throw new DOMException("denied", "SecurityError"); };
  Object.defineProperty(window, "localStorage", { get: denied });
  IDBFactory.prototype.open = denied;
}"""  # where somebody has blocked all that sites may keep
NO_ROOM = """() => {
  const full = () => { throw new DOMException("full", "QuotaExceededError"); };
  Storage.prototype.setItem = IDBObjectStore.prototype.put = full;
}"""
NO_DATABASE = '() => { IDBFactory.prototype.open = () => { throw new DOMException("denied", "SecurityError"); } }'
NO_ANSWER = "() => { IDBFactory.prototype.open = () => ({}); }"  # a database that is neither opened nor refused


@pytest.fixture(scope="module")
def module_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the system of this module keeps its data."""
    return tmp_path_factory.mktemp("page")


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="system")
async def _system(module_dir: Path) -> AsyncIterator[System]:
    async with whole_system(module_dir, environment=SLOW_WORDS) as running:
        yield running


async def test_two_people_talk_on_two_gateways(system: System, browser: "playwright_api.Browser") -> None:
    ada, bob = await invited(system, browser)
    await ada.say("Hello Bob!\nA second line.")
    await bob.shows("Come in!", "Hello Bob!\nA second line.")
    await ada.page.get_by_text("Seen by Bob").wait_for()
    await bob.page.get_by_label("Message", exact=True).press_sequentially("I")
    await ada.page.get_by_text("Bob is writing").wait_for()
    await bob.say("**Hello** Ada")
    said = ("Come in!", "Hello Bob!\nA second line.", "Hello Ada")
    await ada.shows(*said)
    await bob.shows(*said)
    assert "gateway-1" in await ada.status()
    assert "gateway-2" in await bob.status()
    assert "join=" not in bob.page.url, "an invitation that was used is not kept in the address"
    await ada.page.reload()
    await ada.shows(*said)
    assert ada.complaints == bob.complaints == []


async def test_a_reload_in_the_middle_of_a_reply_goes_on_with_its_text(
    system: System, browser: "playwright_api.Browser"
) -> None:
    ada = await window(browser)
    await ada.enter(system.addresses[0], "Ada")
    await ada.say("Who are you?", ask=True)
    before = await ada.reads(20)
    await ada.page.reload()
    assert (await ada.reads(20)).startswith(before)
    assert (await ada.answered()).startswith(before)
    assert ada.complaints == []


async def written(of: Page) -> bool:
    """Whether two commands are in the table that survives the page."""
    counting = """() => new Promise((resolve) => {
        const opening = indexedDB.open("antiphon", 1);
        opening.onsuccess = () => {
            const count = opening.result.transaction("outbox").objectStore("outbox").count();
            count.onsuccess = () => (opening.result.close(), resolve(count.result));
        };
    })"""
    return bool(await of.page.evaluate(counting) == 2)


async def test_what_is_typed_offline_survives_a_reload_and_is_sent_once(
    system: System, browser: "playwright_api.Browser"
) -> None:
    ada, bob = await invited(system, browser)
    await ada.page.route_web_socket("**/connection/websocket", lambda socket: socket.close())  # from the reload on
    await ada.page.reload()
    await ada.page.get_by_label("Message", exact=True).wait_for()
    await ada.say("One")
    await ada.say("Two")
    await ada.page.locator(".message.pending").nth(1).wait_for()
    await eventually(lambda: written(ada))  # shown is not yet that
    await ada.page.reload()
    await ada.page.locator(".message.pending").nth(1).wait_for()
    assert await bob.texts() == ["Come in!"]
    await ada.page.unroute_all()
    fresh = await ada.page.context.new_page()
    await fresh.goto(ada.page.url)
    await bob.shows("Come in!", "One", "Two")
    await bob.say("Three")
    await bob.shows("Come in!", "One", "Two", "Three")


@pytest.mark.parametrize(
    "refusal", [NO_STORAGE, NO_ROOM, NO_DATABASE, NO_ANSWER], ids=["storage", "room", "database", "answer"]
)
async def test_a_browser_that_keeps_nothing_can_be_talked_with(
    refusal: str, system: System, browser: "playwright_api.Browser"
) -> None:
    ada = await window(browser)
    await ada.page.add_init_script(f"({refusal})()")
    await ada.enter(system.addresses[0], "Ada")
    await ada.page.get_by_label("Message", exact=True).press_sequentially("Typed")
    await ada.say("Hello")
    await ada.shows("Hello")
    if refusal in (NO_DATABASE, NO_ANSWER):
        await ada.page.reload()
        await ada.shows("Hello")
    assert ada.complaints == []


async def test_what_a_closed_tab_did_not_send_is_sent_by_one_that_is_open(
    system: System, browser: "playwright_api.Browser"
) -> None:
    ada = await window(browser)
    cut = False
    sockets: list[playwright_api.WebSocketRoute] = []

    async def through(socket: "playwright_api.WebSocketRoute") -> None:
        sockets.append(socket)
        await socket.close() if cut else socket.connect_to_server()

    await ada.page.context.route_web_socket("**/connection/websocket", through)
    await ada.enter(system.addresses[0], "Ada")
    await ada.say("One")
    await ada.shows("One")
    other = Page(await ada.page.context.new_page())
    await other.page.goto(ada.page.url)
    await other.shows("One")
    cut = True
    for socket in sockets:
        await socket.close()
    await ada.say("Two")
    await ada.say("Three")
    await ada.page.locator(".message.pending").nth(1).wait_for()
    await eventually(lambda: written(ada))
    await ada.page.close()
    cut = False
    await other.shows("One", "Two", "Three")
    assert other.complaints == []


async def test_who_leaves_the_browser_leaves_it_in_every_tab_with_all_they_wrote(
    system: System, browser: "playwright_api.Browser"
) -> None:
    ada = await window(browser)
    await ada.enter(system.addresses[0], "Ada")
    await ada.page.get_by_label("Message", exact=True).fill("Ada's own thoughts")
    other = await ada.page.context.new_page()
    await other.goto(system.addresses[0])
    await other.get_by_text("What shall we talk about?").wait_for()
    await ada.page.get_by_role("button", name="Settings").click()
    await ada.page.get_by_role("menuitem", name="Leave this browser").click()
    for page in (ada.page, other):
        await page.get_by_role("heading", name="Welcome").wait_for()
    await ada.enter(system.addresses[0], "Bob")
    assert await ada.page.get_by_label("Message", exact=True).input_value() == ""
    assert ada.complaints == []


async def test_a_refused_message_says_why_and_can_be_discarded(
    system: System, browser: "playwright_api.Browser"
) -> None:
    ada, bob = await invited(system, browser)
    await bob.page.route_web_socket("**/connection/websocket", lambda socket: socket.close())
    await bob.page.reload()
    await bob.say("Too late")
    await bob.page.locator(".message.pending").wait_for()
    entry = ada.page.locator("#sessions li", has_text="Come in!").first
    await entry.hover()
    await entry.get_by_label("More").click()
    await ada.page.get_by_role("menuitem", name="Delete").click()
    await ada.page.get_by_role("button", name="Undo").wait_for()
    await bob.page.unroute_all()
    fresh = await bob.page.context.new_page()
    await fresh.goto(bob.page.url)
    await fresh.get_by_text("Not sent: This conversation was deleted.").wait_for(timeout=12000)
    await fresh.get_by_role("button", name="Discard").click()
    await fresh.locator(".message.refused").wait_for(state="detached")


async def test_hostile_messages_are_text(system: System, browser: "playwright_api.Browser") -> None:
    ada = await window(browser)
    await ada.enter(system.addresses[0], "Ada <img src=x onerror=alert(1)>")
    dialogs: list[str] = []
    ada.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    for text in HOSTILE:
        await ada.say(text)
    await ada.page.locator(".message.posted").nth(len(HOSTILE) - 1).wait_for(timeout=HOSTILE_MS)
    found = await ada.page.evaluate(
        """() => [...document.querySelectorAll("#messages *")].flatMap((it) => [
          ...(/^(img|script|svg|iframe|math|style|form|input|object)$/i.test(it.tagName) ? [it.outerHTML] : []),
          ...[...it.attributes].filter(({name}) => /^on/.test(name)).map(({name}) => name),
          ...[...it.attributes].filter(({value}) => /^\\s*(javascript|data):/i.test(value)).map(({name}) => name),
        ])"""
    )
    assert found == [] == dialogs
    assert (await ada.texts())[0] == HOSTILE[0], "markup is shown as it was written"
    policy = (await ada.page.request.get(system.addresses[0])).headers["content-security-policy"]
    assert "unsafe" not in policy
    script = str(await ada.page.locator("script[src]").get_attribute("src"))
    kept = (await ada.page.request.get(system.addresses[0] + script)).headers["cache-control"]
    assert "immutable" in kept, "a file named by its digest is asked for once"
    assert ada.complaints == []


async def test_the_page_is_small() -> None:
    scripts = list((DIST / "assets").glob("*.js"))
    assert scripts, "the page is not built"
    assert sum(len(gzip.compress(one.read_bytes())) for one in scripts) < JAVASCRIPT_BYTES
