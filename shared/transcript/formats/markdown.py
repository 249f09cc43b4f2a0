"""For people, as Markdown: raw HTML in what was said is shown and not obeyed."""

import re
from typing import ClassVar

from markdown_it import MarkdownIt

from shared.transcript.entries import Entry
from shared.transcript.formats.base import chat_name, cost, minute
from shared.transcript.overview import Overview

GONE = {"redacted": "*(taken back)*", "erased": "*(erased)*"}
TRIES = 8  # a text in which tags still show up then has no tag, and no code with a `<`
_LINE_END = re.compile(r"\r\n?")
_PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")


class Markdown:
    """A heading a message, notes in italics, plans as lists."""

    MEDIA_TYPE: ClassVar[str] = "text/markdown; charset=utf-8"

    def begin(self, overview: Overview) -> str:
        """Title, people, sums."""
        state, totals = overview.state, overview.totals
        people = ", ".join(f"{plain(one.name)} ({one.role})" for one in state.participants.values())
        facts = [f"Session `{state.session_id}`, begun {minute(state.created_at)} UTC, as of position {state.seq}"]
        facts += [f"Participants: {people}"] if people else []
        facts.append(f"{totals.messages} messages, {totals.input_tokens + totals.output_tokens:,} tokens")
        return f"# {plain(state.title) or 'Conversation'}\n\n" + "".join(f"* {fact}\n" for fact in facts)

    def entry(self, entry: Entry, overview: Overview) -> str:
        """One entry."""
        if entry.kind == "note":
            return f"\n*{minute(entry.time)} · {plain(entry.content)}*\n"
        several = len(overview.state.chats) > 1
        place = f" · {plain(chat_name(overview, entry.chat_id))}" if several and entry.chat_id else ""
        who = plain(entry.author_name or entry.author) or entry.role or "Message"
        edited = " · edited" if entry.state == "edited" else ""
        head = f"\n### {who} ({entry.role}) · {minute(entry.time)}{place}{edited}\n\n"
        body = GONE.get(entry.state) or (_plan(entry) if entry.kind == "plan" else defused(entry.content))
        paid = cost(entry)
        return head + body.rstrip() + "\n" + (f"\n<sub>{plain(paid)}</sub>\n" if paid else "")

    def end(self, _overview: Overview) -> str:
        """Nothing."""
        return ""


def plain(text: str) -> str:
    """A text on one line that means nothing to Markdown or HTML."""
    line = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]#|~" else letter for letter in line).replace("<", "&lt;")


def defused(text: str) -> str:
    """The same Markdown without raw HTML: its `<` are entities. Code stays as it is, and none is left open: what comes
    behind the text is not part of it.
    """
    text = _LINE_END.sub("\n", text)
    tries = TRIES
    while "<" in text and (harmless := _without_tags(text)) != text:  # which may have made a tag of what was code
        tries -= 1
        text = harmless if tries else text.replace("<", "&lt;")
    return _closed(text)


def _closed(text: str) -> str:
    if "```" not in text and "~~~" not in text:
        return text
    last = _PARSER.parse(f"{text}\n\nx")[-1]
    return f"{text}\n{last.markup}" if last.type == "fence" else text


def _without_tags(text: str) -> str:
    lines = text.split("\n")
    for token in _PARSER.parse(text):
        if token.map is None:
            continue
        if token.type == "html_block":
            for at in range(*token.map):
                if at < len(lines):
                    lines[at] = lines[at].replace("<", "&lt;")
        parts = [part for child in token.children or [] for part in (child, *(child.children or []))]  # of images, too
        raw = [part.content for part in parts if part.type == "html_inline"]
        if raw:
            first, last = token.map
            block = "\n".join(lines[first:last])
            for tag in raw:
                block = _replaced(block, tag)
            lines[first:last] = block.split("\n")
    return "\n".join(lines)


def _replaced(block: str, tag: str) -> str:
    for part in tag.split("\n"):  # a tag over several lines is indented as its block is
        block = block.replace(part, part.replace("<", "&lt;"), 1) if "<" in part else block
    return block


def _plan(entry: Entry) -> str:
    lines = [f"**{plain(entry.facts.get('title') or 'Plan')}**", "", defused(entry.content), ""]
    for number, module in enumerate(entry.facts["modules"], start=1):
        lines.append(f"{number}. **{plain(module['title'])}** ({module['hours']:g} h) {plain(module['description'])}")
        lines += [f"   * {plain(topic)}" for topic in module["topics"]]
    return "\n".join(lines)
