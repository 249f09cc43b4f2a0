"""The list of sessions at the page: what one person does to it, another sees on another gateway, without a reload."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared import ids
from tests.e2e.page import CHROMIUM, NO_CHROMIUM, Page, invited
from tests.support.client import connected
from tests.support.system import System, whole_system

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed: make test does it")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM), pytest.mark.asyncio(loop_scope="module")]
People = tuple[Page, Page]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="system")
async def _system(session_directory: Path) -> AsyncIterator[System]:
    async with whole_system(session_directory / "sessions") as system:
        yield system


@pytest_asyncio.fixture(loop_scope="module", name="people")
async def _people(system: System, browser: "playwright_api.Browser") -> AsyncIterator[People]:
    """Ada, the owner of `Come in!`, and Bob, who both look at it."""
    ada, bob = await invited(system, browser)
    await bob.page.set_viewport_size({"width": 1000, "height": 800})
    yield ada, bob
    assert ada.complaints == bob.complaints == []
    for page in (ada, bob):
        await page.page.context.close()


async def test_what_is_new_elsewhere_is_counted_until_it_is_read_and_its_author_sees_that(people: People) -> None:
    ada, bob = people
    await bob.page.get_by_role("button", name="New conversation").click()
    await ada.say("first news")
    await ada.say("second news")
    await ada.shows("Come in!", "first news", "second news")
    await bob.entry("Come in!").get_by_label("New messages: 2").wait_for()
    assert "second news" in await bob.entry("Come in!").inner_text()
    assert await ada.page.get_by_text("Seen by").count() == 0, "it is in the list, but nobody has read it"
    await bob.entry("Come in!").get_by_role("button", name="Come in!").first.click()
    await bob.shows("Come in!", "first news", "second news")
    await bob.page.get_by_role("button", name="New conversation").click()  # at once: what was on the screen is read
    await ada.page.get_by_text("Seen by Bob").wait_for()
    await bob.entry("Come in!").get_by_label("New messages").wait_for(state="detached")
    await bob.entry("Come in!").get_by_role("button", name="Come in!").first.click()
    await bob.page.reload()
    await bob.shows("Come in!", "first news", "second news")
    assert await bob.page.locator("#sessions .unread").count() == 0, "what was read stays read"


async def test_words_of_messages_find_their_session(people: People) -> None:
    ada, _ = people
    await ada.page.get_by_role("button", name="New conversation").click()
    await ada.say("An aardvark appears")
    await ada.shows("An aardvark appears")
    await ada.say("beside a zebra")
    await ada.shows("An aardvark appears", "beside a zebra")
    search = ada.page.get_by_role("searchbox", name="Search conversations")
    await search.fill("zebra")
    await ada.entry("Come in!").wait_for(state="detached")
    await ada.entry("aardvark").wait_for()
    await search.fill("xylophone")
    await ada.page.get_by_text("Nothing found.").wait_for()
    await search.fill("")
    await ada.entry("Come in!").wait_for()
    await ada.entry("Come in!").get_by_role("button", name="Come in!").first.click()
    await ada.page.locator("#messages").get_by_text("Come in!").wait_for()


async def test_a_session_is_renamed_put_away_and_brought_back_for_all(people: People) -> None:
    ada, bob = people
    await ada.choose(ada.entry("Come in!"), menu="More", choice="Rename")
    await ada.page.get_by_label("New title").get_by_role("textbox").fill("The garden")
    await ada.page.keyboard.press("Enter")
    for page in people:
        await page.entry("The garden").wait_for()
        await page.page.locator("#title", has_text="The garden").wait_for()
        assert await page.page.title() == "The garden · Antiphon"
    await ada.choose(ada.entry("The garden"), menu="More", choice="Archive")
    for page in people:
        await page.entry("The garden").wait_for(state="detached")
    await bob.page.get_by_label("archived, too").check()
    await bob.page.locator("#sessions li.archived", has_text="The garden").wait_for()
    await bob.choose(bob.entry("The garden"), menu="More", choice="Bring back")
    await ada.entry("The garden").wait_for()
    await bob.page.locator("#sessions li.archived").wait_for(state="detached")


async def test_a_deleted_session_says_so_to_whoever_has_it_open_and_is_whole_once_restored(people: People) -> None:
    ada, bob = people
    await ada.page.get_by_role("button", name="New conversation").click()
    assert await bob.page.get_by_role("menuitem", name="Delete").count() == 0
    await ada.choose(ada.entry("Come in!"), menu="More", choice="Delete")
    await bob.page.get_by_role("alert").get_by_text("This conversation was deleted.").wait_for()
    assert await bob.page.get_by_label("Message", exact=True).is_disabled()
    for page in people:
        await page.entry("Come in!").wait_for(state="detached")
    await ada.page.get_by_role("button", name="Undo").click()
    for page in people:
        await page.entry("Come in!").wait_for()
    await bob.page.get_by_text("This conversation was deleted.").wait_for(state="detached")
    await bob.say("here again")
    await ada.entry("Come in!").get_by_label("New messages: 1").wait_for()
    await ada.entry("Come in!").get_by_role("button", name="Come in!").first.click()
    await ada.shows("Come in!", "here again")


async def test_who_leaves_a_session_has_it_no_more_and_who_is_removed_is_told(people: People) -> None:
    ada, bob = people
    link = await ada.invite()
    await bob.choose(bob.entry("Come in!"), menu="More", choice="Leave it")
    await bob.entry("Come in!").wait_for(state="detached")
    await bob.page.get_by_text("What shall we talk about?").wait_for()
    await ada.page.locator("#people:not(:has-text('Bob'))").wait_for()
    await bob.page.evaluate("join => { location.hash = join }", link.split("#")[1])
    await bob.shows("Come in!")
    await ada.page.locator("#people", has_text="Bob").click()
    await ada.page.get_by_role("listitem").filter(has_text="Bob").get_by_role("button", name="Remove").click()
    await bob.page.get_by_role("alert").get_by_text("you are not part of it").wait_for()
    await bob.entry("Come in!").wait_for(state="detached")


async def test_an_invitation_leads_in_whoever_is_in_already_or_was_removed(people: People) -> None:
    ada, bob = people

    async def invitation() -> str:
        return (await ada.invite()).split("#")[1]

    async def follow(hash_: str) -> None:
        await bob.page.evaluate("it => { location.hash = it }", hash_)

    first = await invitation()
    await bob.page.get_by_role("button", name="New conversation").click()
    await bob.page.get_by_text("What shall we talk about?").wait_for()
    await follow(first)
    await bob.shows("Come in!")
    await ada.page.locator("#people", has_text="Bob").click()
    await ada.page.get_by_role("listitem").filter(has_text="Bob").get_by_role("button", name="Remove").click()
    await bob.page.get_by_role("alert").get_by_text("you are not part of it").wait_for()
    await ada.page.keyboard.press("Escape")
    await follow(first)
    await bob.page.get_by_role("alert").get_by_text("This invitation is no longer good.").wait_for()
    await follow(await invitation())
    await bob.page.get_by_text("you are not part of it").wait_for(state="detached")
    await bob.say("Here again")
    await ada.shows("Come in!", "Here again")


async def test_who_was_removed_asks_for_nothing_more(people: People) -> None:
    ada, bob = people
    await ada.choose(ada.page.locator("main > header"), menu="Chats", choice="New chat")
    await ada.shows()
    await ada.say("elsewhere")
    await ada.shows("elsewhere")
    asked: list[str] = []
    bob.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: asked.append(str(frame))))
    await bob.page.reload()
    await bob.shows("elsewhere")
    await ada.page.locator("#people", has_text="Bob").click()
    await ada.page.get_by_role("listitem").filter(has_text="Bob").get_by_role("button", name="Remove").click()
    await bob.page.get_by_role("alert").get_by_text("you are not part of it").wait_for()
    await bob.page.get_by_role("button", name="Chats").click()
    await bob.page.get_by_role("menuitem", name="Main Chat").click()
    await bob.page.get_by_role("button", name="Chats: Main Chat").wait_for()
    await ada.page.keyboard.press("Escape")
    await ada.say("Gone?")
    await ada.shows("elsewhere", "Gone?")
    assert sum("chat.history" in frame for frame in asked) <= 1, "what was refused is not asked for again and again"


async def test_what_stood_before_ones_own_newest_message_is_read_too(people: People) -> None:
    ada, bob = people
    other = Page(await bob.page.context.new_page())
    await other.page.set_viewport_size({"width": 1000, "height": 800})
    await other.page.goto(bob.page.url)
    await other.shows("Come in!")
    for tab in (bob, other):
        await tab.page.get_by_role("button", name="New conversation").click()
    await ada.say("news")
    await ada.shows("Come in!", "news")
    await bob.entry("Come in!").get_by_label("New messages: 1").wait_for()
    token, session = await bob.page.evaluate("localStorage.getItem('antiphon.token')"), ada.page.url.split("=")[1]
    async with connected(ada.page.url.split("/#")[0], token) as elsewhere:
        await elsewhere.rpc("message.send", id=ids.uuid7(), session_id=session, content="from my telephone")
    await ada.shows("Come in!", "news", "from my telephone")
    await bob.entry("Come in!").get_by_role("button", name="Come in!").first.click()
    await bob.shows("Come in!", "news", "from my telephone")
    await other.entry("Come in!").get_by_label("New messages").wait_for(state="detached")
    await other.page.close()


async def test_an_invitation_is_in_the_address_until_it_was_taken(people: People) -> None:
    ada, bob = people
    link = await ada.invite()
    await bob.choose(bob.entry("Come in!"), menu="More", choice="Leave it")
    await bob.entry("Come in!").wait_for(state="detached")
    await bob.page.route_web_socket("**/connection/websocket", lambda socket: socket.close())
    await bob.page.reload()
    await bob.page.evaluate("join => { location.hash = join }", link.split("#")[1])
    await bob.page.reload()
    await bob.page.get_by_text("What shall we talk about?").wait_for()
    fresh = Page(await bob.page.context.new_page())
    await fresh.page.goto(bob.page.url)
    await fresh.shows("Come in!")
    assert "join=" not in fresh.page.url


async def test_the_menu_of_the_last_session_in_the_list_is_whole(people: People) -> None:
    ada, _ = people
    for text in ("First", "Second", "Third"):
        await ada.page.get_by_role("button", name="New conversation").click()
        await ada.say(text)
        await ada.shows(text)
    await ada.page.set_viewport_size({"width": 1000, "height": 520})
    await ada.entry("Come in!").hover()
    await ada.entry("Come in!").get_by_role("button", name="More").click()
    beyond = await ada.page.locator("#sessions .sheet").evaluate(
        """(sheet) => {
          const [menu, list] = [sheet.getBoundingClientRect(), sheet.closest("nav").getBoundingClientRect()];
          return [list.top - menu.top, menu.bottom - list.bottom].filter((px) => px > 0);
        }"""
    )
    assert beyond == []
