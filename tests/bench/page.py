"""A conversation of 100,000 messages in a browser: opened, read to its beginning and back to its end."""

import statistics
import time
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright

from tests.e2e.page import CHROMIUM, NO_CHROMIUM
from tests.support.long_session import filled
from tests.support.scrolling import come_in, read
from tests.support.system import System

if TYPE_CHECKING:
    from playwright.async_api import CDPSession
    from playwright.async_api import Page as Tab

MESSAGES = 100_000
PX = 2000  # a frame
RELOADS = 5
MIB = 2**20


async def measure(system: System, messages: int = MESSAGES) -> list[str]:
    """What opening, a frame and memory cost, at the newest message, at the first one, and back at the newest."""
    if CHROMIUM is None:
        return [NO_CHROMIUM]
    began = time.monotonic()
    session, _ = await filled(system, messages)
    lines = [f"{messages:,} messages in one session, stored and folded in {time.monotonic() - began:.1f} s"]
    async with async_playwright() as tools:
        browser = await tools.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = await browser.new_page(viewport={"width": 1280, "height": 800})
        await come_in(tab, system.addresses[0], session, system.token("ada"))
        took = [await _opened_ms(tab) for _ in range(RELOADS)]
        lines.append(
            f"opened, from reload to its newest message: {statistics.median(took):.0f} ms, median of {RELOADS}"
        )
        cdp = await tab.context.new_cdp_session(tab)
        lines.append(f"at the newest message: {await _held(tab, cdp)}")
        for up, name in ((True, "read to the first message"), (False, "read back to the newest")):
            start = time.monotonic()
            found = await read(tab, up=up, px=PX)
            assert found.ended
            took_s = time.monotonic() - start
            lines.append(
                f"{name}: {took_s:.0f} s, {found.frames:,} frames of {PX} px, "
                f"{found.median_ms:.1f} ms apart in the median, p99 {found.p99_ms:.0f}, at most {found.gap_ms:.0f}; "
                f"moved what was read by {found.jump} px at the most, {found.elements} items in the page at the most; "
                f"{await _held(tab, cdp)}"
            )
        await browser.close()
    return lines


async def _opened_ms(tab: "Tab") -> float:
    began = time.perf_counter()
    await tab.reload(wait_until="commit")
    await tab.locator("#messages .message").last.wait_for()
    return (time.perf_counter() - began) * 1000


async def _held(tab: "Tab", cdp: "CDPSession") -> str:
    await cdp.send("HeapProfiler.collectGarbage")
    used = (await cdp.send("Runtime.getHeapUsage"))["usedSize"]
    nodes = await tab.evaluate("document.querySelectorAll('*').length")
    return f"JavaScript heap {used / MIB:.1f} MiB, {nodes:,} elements"
