"""Reading a long conversation in a browser, frame by frame: what moved that should not have, and what it took."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.async_api import Page as Tab

# Scrolls by `px` a frame until the beginning (up) or the end of the conversation is there, or `frames` are over.
# A jump is how far the message at the top of the screen moved besides, in pixels; null: it was taken out of the page.
_READ = """async ({up, px, frames}) => {
  const box = document.querySelector("#scroll"), list = document.querySelector("#messages");
  const edge = box.getBoundingClientRect().top, frame = () => new Promise(requestAnimationFrame);
  const found = {frames: 0, jump: 0, elements: 0, ended: false}, gaps = [];
  let then = await frame();
  while (found.frames < frames && !found.ended) {
    const held = [...list.children].find((it) => it.dataset.id && it.getBoundingClientRect().bottom > edge);
    box.scrollTop += up ? -px : px;
    const top = held?.getBoundingClientRect().top ?? 0;
    const now = await frame();
    const moved = !held ? 0 : held.isConnected ? Math.abs(held.getBoundingClientRect().top - top) : null;
    found.jump = moved === null || found.jump === null ? null : Math.max(found.jump, moved);
    gaps.push(now - then);
    found.elements = Math.max(found.elements, list.children.length);
    found.frames++;
    then = now;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 2 && !document.querySelector(".to-latest");
    found.ended = up ? box.scrollTop === 0 && !list.querySelector(".older") : atEnd;
  }
  gaps.sort((a, b) => a - b);
  const at = (part) => gaps[Math.min(gaps.length - 1, Math.floor(gaps.length * part))] ?? 0;
  return {...found, median_ms: at(0.5), p99_ms: at(0.99), gap_ms: at(1)};
}"""
MANY_FRAMES = 1_000_000


@dataclass(frozen=True, slots=True)
class Read:
    """`jump` in pixels, None: what was read was taken away; the time between two frames: median, p99, and at most."""

    frames: int
    jump: float | None
    median_ms: float
    p99_ms: float
    gap_ms: float
    elements: int
    ended: bool


async def read(tab: "Tab", *, up: bool, px: int = 700, frames: int = MANY_FRAMES) -> Read:
    """The reader has scrolled to the beginning or to the end, or for so many frames."""
    found: dict[str, Any] = await tab.evaluate(_READ, {"up": up, "px": px, "frames": frames})
    return Read(**found)


async def come_in(tab: "Tab", address: str, session: str, token: str) -> None:
    """The session is on the screen of a user who has this token."""
    await tab.goto(f"{address}/#session={session}")
    await tab.get_by_role("button", name="I have a token").click()
    await tab.get_by_label("Token").fill(token)
    await tab.get_by_role("button", name="Come in", exact=True).click()
    await tab.locator("#messages .message").first.wait_for()
