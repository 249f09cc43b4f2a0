"""A long conversation at the page: read upwards without a jump, with few elements."""

import asyncio
from math import inf
from pathlib import Path

import httpx
import pytest

from shared import ids
from tests.e2e.page import CHROMIUM, NO_CHROMIUM, window
from tests.support.eventually import eventually
from tests.support.system import System, whole_system

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed: make test does it")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
MESSAGES = 500
ELEMENTS = 200
AT_ONCE = 20
UP = """async () => {
  const box = document.querySelector("#scroll"), edge = box.getBoundingClientRect().top;
  const all = () => [...document.querySelectorAll("#messages .message")];
  box.scrollTop = 300;
  const held = all().find((it) => it.getBoundingClientRect().bottom > edge);
  const [first, before] = [all()[0], held.getBoundingClientRect().top];
  for (let frames = 0; frames < 120 && all()[0] === first; frames++) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return [held.isConnected ? held.getBoundingClientRect().top - before : null, all()[0] !== first];
}"""  # goes up to where older messages are needed: how far a message that was seen has moved when they are there


async def said(system: System, count: int) -> tuple[str, str]:
    """Ada's token and her session, in which so much was said."""
    token = system.token("ada")
    headers = {"Authorization": f"Bearer {token}"}
    turns = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=system.addresses[0], headers=headers, timeout=20) as http:

        async def write(path: str, body: dict[str, str]) -> dict[str, str]:
            async with turns:
                answer = await http.post(path, json=body, headers={"Idempotency-Key": ids.uuid7()})
            answer.raise_for_status()
            return dict(answer.json())

        made = await write("/api/sessions", {"title": "Long"})
        path, session = f"/api/chats/{made['chat_id']}/messages", made["session_id"]
        await asyncio.gather(*(write(path, {"session_id": session, "content": f"message {n}"}) for n in range(count)))
    return token, session


async def test_a_long_conversation_is_read_upwards_without_a_jump(data_dir: Path) -> None:
    async with (
        whole_system(data_dir, environment={"ANTIPHON_COMMANDS_PER_S": "0"}) as system,
        playwright_api.async_playwright() as tools,
    ):
        token, session = await said(system, MESSAGES)
        browser = await tools.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        ada = await window(browser)
        await ada.page.goto(f"{system.addresses[0]}/#session={session}")
        await ada.page.get_by_role("button", name="I have a token").click()
        await ada.page.get_by_label("Token").fill(token)
        await ada.page.get_by_role("button", name="Come in", exact=True).click()
        await ada.page.locator("#messages .message").nth(40).wait_for()
        await ada.page.locator("#scroll").hover()
        seen: set[str] = set(await ada.texts())
        jumps: list[float] = []
        elements: list[int] = []

        moved = 0

        async def all_of_them() -> bool:
            nonlocal moved
            shift, changed = await ada.page.evaluate(UP)
            jumps.append(inf if shift is None else abs(shift))  # what is read stays in the page
            moved += changed
            elements.append(await ada.page.locator("#messages > *").count())
            seen.update(await ada.texts())
            return len(seen) == MESSAGES

        await eventually(all_of_them, 40)
        assert moved >= MESSAGES // ELEMENTS, "older messages came in many steps"
        assert max(jumps) <= 2, "pixels that a message moved by while others came before it"
        assert max(elements) < ELEMENTS
        await ada.page.get_by_role("button", name="Newest messages").click()
        await ada.say("the end")
        await ada.page.locator("#messages .posted", has_text="the end").wait_for()
        assert ada.complaints == []
        await browser.close()
