"""Messages changed at the page, and the chats of a session: another person, on another gateway, sees the same."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.page import CHROMIUM, NO_CHROMIUM, Page, chromium, invited
from tests.support.system import whole_system

pytest.importorskip("playwright.async_api", reason="playwright is not installed: make test does it")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM), pytest.mark.asyncio(loop_scope="module")]
People = tuple[Page, Page]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="people")
async def _people(session_directory: Path) -> AsyncIterator[People]:
    async with whole_system(session_directory / "editing") as system, chromium() as browser:
        ada, bob = await invited(system, browser)
        yield ada, bob
        assert ada.complaints == bob.complaints == []


async def begun(people: People, *texts: str) -> None:
    """A new chat of the session is on both screens, and this was said in it by Ada."""
    ada, bob = people
    await ada.choose(ada.page.locator("main > header"), menu="Chats", choice="New chat")
    await ada.shows()
    for text in texts:
        await ada.say(text)
    await ada.shows(*texts)
    await bob.page.get_by_role("button", name="Chats").click()
    await bob.page.get_by_role("menuitem", name="Messages:").last.click()
    await bob.shows(*texts)


async def test_an_edited_message_is_another_text_everywhere_and_says_so(people: People) -> None:
    ada, bob = people
    await begun(people, "Helo", "second")
    said = ada.message("Helo")
    await said.hover()
    await said.get_by_role("button", name="Edit", exact=True).click()
    assert await said.get_by_role("textbox").input_value() == "Helo"
    await said.get_by_role("textbox").fill("never sent")
    await ada.page.keyboard.press("Escape")
    await ada.shows("Helo", "second")
    await said.get_by_role("button", name="Edit", exact=True).click()
    await said.get_by_role("textbox").fill("Hello")
    await ada.page.keyboard.press("Enter")
    for page in people:
        await page.shows("Hello", "second")
        await page.message("Hello").get_by_text("edited", exact=True).wait_for()
    assert await bob.message("Hello").get_by_role("button", name="Edit").count() == 0, "it is not Bob's"
    assert await ada.page.evaluate("document.activeElement.matches('article')"), "the focus is still at the message"


async def test_an_edit_that_comes_too_late_is_not_lost(people: People) -> None:
    ada, _ = people
    await begun(people, "first wording")
    other = Page(await ada.page.context.new_page())
    await other.page.goto(ada.page.url)
    await other.page.get_by_role("button", name="Chats").click()
    await other.page.get_by_role("menuitem", name="Messages:").last.click()
    for tab in (ada, other):
        await tab.message("first wording").hover()
        await tab.message("first wording").get_by_role("button", name="Edit", exact=True).click()
    await ada.page.locator(".editor textarea").fill("second wording")
    await ada.page.keyboard.press("Enter")
    await ada.shows("second wording")
    await other.page.locator(".editor .text", has_text="second wording").wait_for()
    await other.page.locator(".editor textarea").fill("third wording")
    await other.page.keyboard.press("Enter")
    await other.page.get_by_role("alert").get_by_text("Somebody was faster.").wait_for()
    assert await other.page.locator(".editor textarea").input_value() == "third wording"
    await other.page.keyboard.press("Enter")
    await ada.shows("third wording")
    await other.shows("third wording")
    await other.page.close()


async def test_a_message_is_taken_back_once_that_is_sure_and_nobody_reads_it_again(people: People) -> None:
    ada, bob = people
    await begun(people, "a secret", "not a secret")
    gone = "This message was taken back."
    await ada.message("a secret").first.hover()
    await ada.message("a secret").first.get_by_role("button", name="Take back").click()
    asked = ada.page.get_by_role("dialog", name="Take this message back?")
    await asked.get_by_role("button", name="Cancel").click()
    await ada.shows("a secret", "not a secret")
    await ada.message("a secret").first.hover()
    await ada.message("a secret").first.get_by_role("button", name="Take back").click()
    await asked.get_by_role("button", name="Take back").click()
    await ada.shows(gone, "not a secret")
    await bob.shows(gone, "not a secret")
    await bob.say("Bob's word")
    await ada.message("Bob's word").hover()
    await ada.message("Bob's word").get_by_role("button", name="Take back").click()
    await asked.get_by_role("button", name="Take back").click()
    await bob.shows(gone, "not a secret", gone)
    assert await bob.message("not a secret").get_by_role("button", name="Take back").count() == 0, "it is not Bob's"
    await ada.page.reload()
    await ada.page.locator("#messages .message").first.wait_for()
    assert "a secret" not in (await ada.texts())[0]


async def test_what_is_edited_and_asked_again_stands_beside_the_first_and_both_can_be_read(people: People) -> None:
    ada, bob = people
    await begun(people)
    await ada.say("one question", ask=True)
    first = await ada.answered()
    said = ada.message("one question").first
    await said.hover()
    await said.get_by_role("button", name="Edit and ask again").click()
    await said.get_by_role("textbox").fill("another question")
    await said.get_by_role("button", name="Send").click()
    for page in people:
        await page.message("another question").get_by_text("2/2").wait_for()
        second = await page.answered()
        assert "another question" in second
        await page.shows("another question", second)
        await page.page.get_by_role("button", name="Previous").click()
        await page.shows("one question", first)
        assert await page.page.get_by_text("1/2").count() == 1
        await page.page.get_by_role("button", name="Next").click()
        await page.shows("another question", second)
    await ada.page.get_by_role("button", name="Previous").click()
    await ada.say("on the first branch")
    await ada.shows("one question", first, "on the first branch")
    await bob.page.get_by_role("button", name="Previous").click()
    await bob.shows("one question", first, "on the first branch")


async def test_chats_have_names_and_messages_of_their_own_and_move_nobody(people: People) -> None:
    ada, bob = people
    await begun(people, "in a chat of its own")
    header = ada.page.locator("main > header")
    await ada.choose(header, menu="Chats", choice="Rename")
    await ada.page.get_by_label("New title").get_by_role("textbox").fill("Side talk")
    await ada.page.get_by_role("button", name="Save").click()
    await bob.page.get_by_role("button", name="Chats: Side talk").wait_for()
    await ada.choose(header, menu="Chats", choice="Main Chat")
    await ada.page.locator("#messages").get_by_text("Come in!").wait_for()
    await ada.say("in the first one")
    await ada.page.locator("#messages .posted", has_text="in the first one").wait_for()
    await bob.shows("in a chat of its own")
    await bob.page.get_by_role("button", name="Chats").click()
    told = await bob.page.get_by_role("menuitem", name="Side talk").inner_text()
    assert "Messages: 1" in told
    assert "Chat" in told.replace("Side talk", "")
    await bob.page.get_by_role("menuitem", name="Main Chat").click()
    await bob.page.locator("#messages").get_by_text("in the first one").wait_for()


async def test_what_is_said_quickly_on_another_branch_is_all_there(people: People) -> None:
    ada, bob = people
    await begun(people, "one way")
    said = ada.message("one way").first
    await said.hover()
    await said.get_by_role("button", name="Edit and ask again").click()
    await said.get_by_role("textbox").fill("another way")
    await ada.page.get_by_label("ask the assistant").set_checked(False)
    await said.get_by_role("button", name="Send").click()
    await ada.message("another way").and_(ada.page.locator(".posted")).wait_for()
    await ada.page.get_by_role("button", name="Previous").click()
    await ada.shows("one way")
    await ada.page.evaluate(
        """() => ["A", "B", "C"].forEach((text) => {
          document.getElementById("text").value = text;
          document.getElementById("composer").requestSubmit();
        })"""
    )  # before the first of them is in the log
    await ada.shows("one way", "A", "B", "C")
    await bob.page.get_by_role("button", name="Previous").click()
    await bob.shows("one way", "A", "B", "C")


async def test_an_edit_is_not_lost_at_a_reload_and_says_what_has_changed_since(people: People) -> None:
    ada, _ = people
    await begun(people, "draft of it")
    said = ada.page.locator("#messages .message").first
    await said.hover()
    await said.get_by_role("button", name="Edit", exact=True).click()
    await said.get_by_role("textbox").fill("half of a better")
    await ada.page.reload()
    assert await said.get_by_role("textbox").input_value() == "half of a better"
    assert await ada.page.evaluate("document.activeElement.id") == "text", "one goes on where one writes"
    await said.get_by_role("textbox").fill("a better one")
    await ada.page.keyboard.press("Enter")
    await ada.shows("a better one")
    await said.get_by_role("button", name="Edit", exact=True).click()
    await said.get_by_role("textbox").fill("given up")
    await ada.page.keyboard.press("Escape")
    await ada.page.reload()
    await ada.shows("a better one")


async def test_looking_back_shows_the_chat_that_one_is_in(people: People) -> None:
    ada, _ = people
    await begun(people, "only here")
    await ada.shows("only here")
    await ada.choose(ada.page.locator("main > header"), menu="More", choice="Look back")
    slider = ada.page.get_by_label("As it was")
    await slider.press("Home")
    await ada.page.get_by_text("Nothing has been said here yet.").wait_for()
    await slider.press("End")
    await ada.shows("only here")
    await ada.choose(ada.page.locator("main > header"), menu="Chats", choice="Main Chat")
    await ada.message("Come in!").wait_for()
    await ada.page.get_by_role("button", name="Back to now").click()
