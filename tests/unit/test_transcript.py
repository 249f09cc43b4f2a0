"""A session as a document: what became of each message, safe to open, the same bytes every time."""

import csv
import io
from html.parser import HTMLParser
from typing import Any

import orjson
import pytest
from markdown_it import MarkdownIt

from shared import errors, ids
from shared.events import (
    AgentSwitched,
    ContentErased,
    Event,
    MessageEdited,
    MessagePosted,
    MessageRedacted,
    ParticipantJoined,
    PlanFinalized,
    PlanModule,
    ReplyCompleted,
    ReplyRequested,
    SessionCreated,
    Usage,
    encode,
    wrap,
)
from shared.events.remains import remains
from shared.transcript import FORMATS, write

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "hello <b onmouseover='alert(1)'>there</b>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "![x](https://tracker.example/p.png)",
    "<https://ok.example> and <iframe src='//evil.example'></iframe>",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "<style>*{display:none}</style>",
    "<svg\nonload=alert(1)>",
    "a <!-- --><script>alert(1)</script> b",
    "`` ` ``<script>alert(1)</script>",
    "`<img src=x onerror=alert(1)>` <img src=x onerror=alert(1)>",
    "x\r\r<script>alert(1)</script>",
    '<a title="`">`<img src=x onerror=alert(1)>`',
]


class Told:
    """A session's log as history hands it out, two events a page."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.session_id = "s-1"

    def add(self, event: Event, actor: str = "ada", event_id: str = "") -> str:
        event_id = event_id or ids.uuid7()
        envelope = wrap(
            event, event_id=event_id, session_id=self.session_id, source="t", actor=actor, actor_name=actor.title()
        )
        body = orjson.loads(encode(envelope))
        seq = len(self.rows) * 2 + 1
        self.rows.append({"seq": seq, "id": event_id, "type": event.TYPE, "time_ns": seq * 10**9, "body": body})
        return event_id

    def say(self, content: str, **fields: Any) -> str:
        return self.add(MessagePosted(chat_id="c", content=content, **fields))

    async def pages(self, after: int) -> dict[str, Any]:
        found = [row for row in self.rows if row["seq"] > after]
        last = found[1]["seq"] if len(found) > 2 else None
        return {"events": found[:2], "next": last, "at": self.rows[-1]["seq"] if self.rows else 0}

    async def document(self, name: str, up_to: int | None = None) -> str:
        up_to = up_to if up_to is not None else self.rows[-1]["seq"]
        return "".join([piece async for piece in write(self.pages, self.session_id, up_to, FORMATS[name]())])

    async def entries(self, up_to: int | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = orjson.loads(await self.document("json", up_to))["entries"]
        return found


@pytest.fixture
def told() -> Told:
    opened = Told()
    opened.add(SessionCreated(owner="ada", owner_name="Ada", chat_id="c", title="Планы на лето 🌞"))
    return opened


async def test_a_message_is_shown_as_it_is_at_the_position(told: Told) -> None:
    first, second, third = told.say("one"), told.say("two"), told.say("three")
    before = told.rows[-1]["seq"]
    told.add(MessageEdited(message_id=first, chat_id="c", content="uno"))
    told.add(MessageEdited(message_id=second, chat_id="c", content="dos"))
    told.add(MessageRedacted(message_id=second, chat_id="c"))
    told.add(ContentErased(seqs=[told.rows[3]["seq"]], message_ids=[third], reason="asked for"), actor="ops")
    told.rows[3] |= {"body": None, "erased": True, "remains": remains(told.rows[3]["body"])}
    now = {one["id"]: one for one in await told.entries() if one["kind"] == "message"}
    assert (now[first]["content"], now[first]["state"]) == ("uno", "edited")
    assert "content" not in now[second]
    assert (now[second]["state"], now[third]["state"]) == ("redacted", "erased")
    assert [one.get("content") for one in await told.entries(before)][1:3] == ["one", "two"]
    for name in FORMATS:
        document = await told.document(name)
        assert "dos" not in document
        assert "three" not in document
        assert document == await told.document(name)


async def test_an_answer_is_shown_once_with_its_model_tokens_and_cost(told: Told) -> None:
    reply_id = ids.uuid7()
    told.say("why?", reply_id=reply_id)
    usage = Usage(input_tokens=10, output_tokens=5, cost_usd=0.0125)
    answer = {"chat_id": "c", "attempt": 1, "content": "**because**", "model": "m-1", "finish_reason": "stop"}
    told.add(ReplyCompleted(reply_id=reply_id, usage=usage, **answer), actor="svc/llm")
    told.add(ReplyCompleted(reply_id=reply_id, usage=usage, **{**answer, "content": "a late one"}), actor="svc/llm")
    document = orjson.loads(await told.document("json"))
    said = [one for one in document["entries"] if one["kind"] == "message"]
    assert [one["content"] for one in said] == ["why?", "**because**"]
    assert document["session"]["totals"]["cost_usd"] == 0.0125
    assert document["session"]["totals"]["messages"] == 2
    assert "<strong>because</strong>" in await told.document("html")
    assert "m-1 · 15 tokens · $0.0125" in await told.document("md")


async def test_notes_and_plans_are_in_it(told: Told) -> None:
    told.add(ParticipantJoined(user="bob", name="Bob", invite_id=ids.uuid7()), actor="bob")
    told.add(AgentSwitched(chat_id="c", agent="planner", reason="a plan is wanted"))
    reply_id = ids.uuid7()
    told.add(ReplyRequested(reply_id=reply_id, chat_id="c", purpose="finalize"))
    module = PlanModule(title="Основы", description="first steps", hours=2.5, topics=["типы", "<b>"])
    plan = PlanFinalized(
        reply_id=reply_id,
        chat_id="c",
        attempt=1,
        title="План",
        summary="так",
        modules=[module],
        model="m",
        usage=Usage(),
    )
    told.add(plan, actor="svc/llm")
    kinds = [(one["kind"], one.get("content")) for one in await told.entries()]
    assert kinds[1:3] == [("note", "Bob joined"), ("note", "planner answers from here on: a plan is wanted")]
    assert kinds[-1] == ("plan", "так")
    page, text = await told.document("html"), await told.document("md")
    assert "<li>типы</li><li>&lt;b&gt;</li>" in page
    assert "1. **Основы** (2.5 h) first steps\n   * типы\n   * &lt;b>" in text


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


@pytest.mark.parametrize("said", HOSTILE)
async def test_what_was_said_does_nothing_to_who_opens_it(told: Told, said: str) -> None:
    told.say(said)
    told.add(AgentSwitched(chat_id="c", agent="planner", reason=said))
    page = _Tags()
    page.feed(await told.document("html"))
    for tag, attributes in page.seen:
        assert tag not in ("script", "iframe", "img", "svg", "object", "embed", "form", "base", "link")
        assert not [name for name in attributes if name.startswith("on")]
        assert not (attributes.get("href") or "").lower().startswith(("javascript:", "data:", "vbscript:"))
    assert len([tag for tag, _ in page.seen if tag == "style"]) == 1
    tags = _Tags()
    tags.feed(MarkdownIt("commonmark", {"html": True}).render(await told.document("md")))
    assert not {tag for tag, _ in tags.seen} & {"script", "iframe", "style", "svg", "b"}
    assert not [name for _, attributes in tags.seen for name in attributes if name.startswith("on")]


async def test_code_stays_as_it_was_written(told: Told) -> None:
    told.say("```html\n<b>bold</b>\n```\n\nand `<i>`")
    assert "```html\n<b>bold</b>\n```\n\nand `<i>`" in await told.document("md")


@pytest.mark.parametrize("begun", ["```python\nprint(1)", "~~~~\ncut\n~~~", "- list\n\n```\nx"])
async def test_code_that_was_cut_off_takes_nothing_else_along(told: Told, begun: str) -> None:
    told.say(begun)
    told.say("```\n<img src=x onerror=alert(1)>\n```")
    told.say("the end")
    page = MarkdownIt("commonmark", {"html": True}).render(await told.document("md"))
    assert page.count("<h3>") == 3
    assert "<p>the end</p>" in page
    assert "<img" not in page


async def test_a_spreadsheet_finds_no_formula(told: Told) -> None:
    told.say('=cmd|"/c calc"!A1, "quoted"\nтри 🌲')
    rows = list(csv.DictReader(io.StringIO(await told.document("csv"))))
    assert rows[-1]["content"] == '\'=cmd|"/c calc"!A1, "quoted"\nтри 🌲'
    assert (rows[-1]["author_name"], rows[-1]["chat"]) == ("Ada", "Main Chat")


async def test_what_is_not_there_is_not_found_and_what_is_not_logged_yet_is_not_left_out(told: Told) -> None:
    with pytest.raises(errors.NotFound):
        await told.document("json", 0)
    with pytest.raises(errors.Unavailable):
        await told.document("json", 99)
