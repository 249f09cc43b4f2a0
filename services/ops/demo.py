"""Two people talk on two gateways. One gateway is killed in the middle of a reply. Nothing is lost."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.columns import Columns
from rich.console import Console, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from services.ops import errors, keys, ports, process, state
from services.ops.datadir import DataDir
from services.ops.participant import Participant
from services.ops.process import Command
from shared import auth

START_S = 90.0
WAIT_S = 60.0
POLL_S = 0.02
PAUSE_S = 0.8  # for the person who watches
SEEN_CHARACTERS = 40  # of the reply on both screens, before the gateway is killed
SLOW_WORDS = {"ANTIPHON_OFFLINE_WORD_MS": "60"}  # the offline model at reading speed
ELSEWHERE = ("ANTIPHON_NATS_URL", "ANTIPHON_DATABASE_URL")  # a fresh system is alone
QUESTION = "What are you, and what do I have to do to get another model?"


async def demo(data_dir: DataDir, environment: Mapping[str, str], console: Console) -> None:
    """The story has been told, and was true: two screens and the log say the same.

    It plays on the system that runs on `data_dir`, or on a fresh one that is gone afterwards.

    Raises:
        DemoFailed: something was lost or nobody answered; the sentence says what.
    """
    with _system(data_dir, environment, console) as place:
        gateways = [one for one in state.read(place.state_file) if one.name.startswith("gateway-")]
        if len(gateways) < 2:
            raise errors.DemoFailed(reason="it needs two gateways: antiphon up --gateways 2")
        secret = keys.signing_secret(environment, place.secrets_file)
        urls = [f"http://127.0.0.1:{one.port}" for one in gateways]
        screens = Screens(console)
        ada = Participant("Ada", auth.mint(secret, "demo-ada", name="Ada"), urls, screens.refresh)
        bob = Participant("Bob", auth.mint(secret, "demo-bob", name="Bob"), urls[::-1], screens.refresh)
        screens.people = (ada, bob)
        staying = [asyncio.create_task(person.stay()) for person in (ada, bob)]
        try:
            await _play(ada, bob, place, screens)
        finally:
            for task in staying:
                task.cancel()
            await asyncio.gather(*staying, return_exceptions=True)


async def _play(ada: Participant, bob: Participant, place: DataDir, screens: "Screens") -> None:
    tell = screens.tell
    await _until(lambda: ada.gateway and bob.gateway, "nobody could connect")
    session_id = (await ada.call("session.create", title="Demo"))["session_id"]
    invite = (await ada.call("session.invite", session_id=session_id))["invite"]
    await bob.call("session.join", invite=invite)
    await asyncio.gather(ada.open(session_id), bob.open(session_id))
    tell(f"Ada is at [b]{ada.gateway}[/], Bob at [b]{bob.gateway}[/]. They share a session.")
    with screens.shown():
        await asyncio.sleep(PAUSE_S)
        await ada.call("message.send", session_id=session_id, content="Hello Bob, can you read this?")
        await asyncio.sleep(PAUSE_S)
        answered = await bob.call("message.send", session_id=session_id, content="Every word. Let us ask the model.")
        await _until(lambda: ada.offset == bob.offset >= answered["seq"], "the two screens differ")
        tell(f"Both screens are at position [b]{ada.offset}[/]: one order, whichever gateway shows it.")
        await asyncio.sleep(PAUSE_S)
        asked = await ada.call("message.send", session_id=session_id, content=QUESTION, reply=True)
        reply_id = asked["reply_id"]
        await _until(lambda: len(ada.texts.get(reply_id, "")) >= SEEN_CHARACTERS, "the model does not answer")
        victim = next(one for one in state.read(place.state_file) if one.name == ada.gateway)
        seen = len(ada.texts[reply_id])
        os.kill(victim.pid, signal.SIGKILL)
        tell(f"[red]kill -9 {victim.pid}[/]: {victim.name} is dead. Ada has read {seen} characters of the reply.")
        await _until(lambda: ada.gateway not in ("", victim.name) and ada.away_ms is not None, "Ada is cut off")
        tell(f"Ada goes on at [b]{ada.gateway}[/] after [b]{ada.away_ms:.0f} ms[/], from position {ada.offset}.")
        end = await _until(lambda: _end(ada, reply_id) and _end(bob, reply_id), "the reply never ended")
        await asyncio.sleep(PAUSE_S)
    _judge(ada, bob, reply_id, end)
    tell(f"The reply has {len(end)} characters. Ada saw each of them arrive, over two gateways; so did Bob, over one.")
    tell(f"[green]Nothing was lost, nothing came twice:[/] {len(ada.events)} events, the same order on both screens.")


def _end(person: Participant, reply_id: str) -> str:
    """The reply as the log has it, empty until it is there."""
    for event in person.events.values():
        if event["data"].get("reply_id") == reply_id:
            if event["type"].startswith("reply.failed"):
                raise errors.DemoFailed(reason=f"the model failed: {event['data']['message']}")
            if event["type"].startswith("reply.completed"):
                return str(event["data"]["content"])
    return ""


def _judge(ada: Participant, bob: Participant, reply_id: str, content: str) -> None:
    for person in (ada, bob):
        if person.texts.get(reply_id) != content:
            raise errors.DemoFailed(reason=f"what {person.name} saw arriving is not what the log has")
    since = max(min(person.events) for person in (ada, bob))  # each screen begins where its snapshot ended
    hers, his = ([at for at in person.events.items() if at[0] >= since] for person in (ada, bob))
    if hers != his or ada.repeats or bob.repeats:
        raise errors.DemoFailed(reason="the two screens show different events")


async def _until(check: Callable[[], object], otherwise: str) -> str:
    ends_at = time.monotonic() + WAIT_S
    while not (answer := check()):
        if time.monotonic() > ends_at:
            raise errors.DemoFailed(reason=otherwise)
        await asyncio.sleep(POLL_S)
    return str(answer)


@contextmanager
def _system(data_dir: DataDir, environment: Mapping[str, str], console: Console) -> Iterator[DataDir]:
    """The running system of `data_dir`, else a fresh one for the length of the block."""
    if data_dir.owner():
        console.print(f"The demo plays on the system that runs on {data_dir.path}.", highlight=False)
        yield data_dir
        return
    with tempfile.TemporaryDirectory(prefix="antiphon-demo-") as name:
        place, log = DataDir(Path(name) / "data"), Path(name) / "up.log"
        port = ports.free_port()
        argv = (sys.executable, "-P", "-m", "services.ops", "up", "--data-dir", str(place.path), "--port", str(port))
        given = {name: value for name, value in environment.items() if name not in ELSEWHERE}
        up = process.spawn(Command(argv, SLOW_WORDS | given), log)
        try:
            with console.status("A fresh system is starting: NATS, PostgreSQL, two gateways, and what is behind them"):
                ends_at = time.monotonic() + START_S
                while "\nready " not in (said := log.read_text()):
                    if up.poll() is not None or time.monotonic() > ends_at:
                        raise errors.DemoFailed(reason=f"the system did not start: {said.strip()[-300:]}")
                    time.sleep(POLL_S)
            yield place
        finally:
            process.stop(up, signal.SIGTERM, grace_s=12.0)


class Screens:
    """Two screens side by side, growing, and the story above them. Where there is no terminal: the story alone."""

    people: tuple[Participant, ...] = ()

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The screens are there during the block; their last state stays."""
        if not self._console.is_terminal:
            yield
            return
        with Live(self._draw(), console=self._console, refresh_per_second=20) as self._live:
            yield
            self._live.update(self._draw(), refresh=True)
        self._live = None

    def refresh(self) -> None:
        """Something changed on one of them."""
        if self._live is not None:
            self._live.update(self._draw())

    def tell(self, line: str) -> None:
        """A sentence of the story."""
        self._console.print(line, highlight=False, soft_wrap=not self._console.is_terminal)

    def _draw(self) -> RenderableType:
        width = max(30, self._console.width // 2 - 1)
        return Columns([_screen(person, width) for person in self.people], padding=0)


def _screen(person: Participant, width: int) -> Panel:
    text = Text()
    names = {"demo-ada": "Ada", "demo-bob": "Bob"}
    for event in person.events.values():
        kind = event["type"].partition(".v")[0]
        if kind == "message.posted":
            text.append(f"{names.get(event['actor'], event['actor'])}  ", "bold").append(
                f"{event['data']['content']}\n"
            )
    for reply in person.texts.values():
        text.append("model  ", "bold magenta").append(reply)
    where = f"at {person.gateway} · position {person.offset}" if person.gateway else "reconnecting"
    style = "green" if person.gateway else "red"
    return Panel(text, title=person.name, subtitle=where, width=width, height=18, border_style=style)
