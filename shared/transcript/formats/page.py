"""For people, as one HTML page that asks nobody for anything: no script, no picture, no font from elsewhere."""

from html import escape
from typing import ClassVar

from markdown_it import MarkdownIt

from shared.transcript.entries import Entry
from shared.transcript.formats.base import chat_name, cost, minute
from shared.transcript.overview import Overview

GONE = {"redacted": "<p class=gone>taken back</p>", "erased": "<p class=gone>erased</p>"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881}
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}
header{border-bottom:1px solid var(--line);margin-bottom:1rem}
article{margin:1.2rem 0;padding:.6rem 1rem;border-radius:.6rem;border:1px solid var(--line);overflow-wrap:break-word}
article.assistant{background:var(--soft)} article.system,article.tool{border-style:dashed}
article h2{font-size:.95rem;margin:0} h2 small{font-weight:400} article>:last-child{margin-bottom:0}
li>p{margin:.2rem 0} li>ul{margin-bottom:.6rem}
small,.note,.gone{color:GrayText} .note{text-align:center;font-size:.85rem;margin:.8rem 0}
pre{overflow-x:auto;background:var(--soft);padding:.6rem;border-radius:.4rem} table{border-collapse:collapse}
td,th{border:1px solid var(--line);padding:.2rem .5rem}
blockquote{border-left:3px solid var(--line);margin:0;padding:0 1rem}
@media print{body{max-width:none;margin:0} article{break-inside:avoid-page} pre{white-space:pre-wrap}}
"""
_RENDERER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")


class Page:
    """A message an article."""

    MEDIA_TYPE: ClassVar[str] = "text/html; charset=utf-8"

    def begin(self, overview: Overview) -> str:
        """The head of the page, title, people, sums."""
        state, totals = overview.state, overview.totals
        title = escape(state.title) or "Conversation"
        people = ", ".join(f"{escape(one.name)} ({one.role})" for one in state.participants.values())
        return (
            f'<!doctype html>\n<html><head><meta charset="utf-8"><title>{title}</title>\n'
            f'<meta name="viewport" content="width=device-width">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n<style>{_STYLE}</style></head>\n'
            f"<body><header><h1>{title}</h1>\n<p>{people}</p>\n<p><small>Session {escape(state.session_id)}, begun "
            f"{minute(state.created_at)} UTC, as of position {state.seq}: {totals.messages} messages, "
            f"{totals.input_tokens + totals.output_tokens:,} tokens</small></p></header>\n"
        )

    def entry(self, entry: Entry, overview: Overview) -> str:
        """One entry."""
        if entry.kind == "note":
            return f'<p class="note" id="e{entry.seq}">{minute(entry.time)} · {escape(entry.content)}</p>\n'
        several = len(overview.state.chats) > 1
        place = f" · {escape(chat_name(overview, entry.chat_id))}" if several and entry.chat_id else ""
        edited = " · edited" if entry.state == "edited" else ""
        who = escape(entry.author_name or entry.author or entry.role or "Message")
        body = GONE.get(entry.state) or (_plan(entry) if entry.kind == "plan" else str(_RENDERER.render(entry.content)))
        paid = cost(entry)
        foot = f"<small>{escape(paid)}</small>" if paid else ""
        return (
            f'<article class="{escape(entry.role)}" id="e{entry.seq}"><h2>{who} '
            f"<small>{escape(entry.role)} · {minute(entry.time)}{place}{edited}</small></h2>\n{body}{foot}</article>\n"
        )

    def end(self, _overview: Overview) -> str:
        """The page closed."""
        return "</body></html>\n"


def _plan(entry: Entry) -> str:
    modules = "".join(
        f"<li><b>{escape(module['title'])}</b> <small>{module['hours']:g} h</small>"
        f"<p>{escape(module['description'])}</p><ul>{''.join(f'<li>{escape(t)}</li>' for t in module['topics'])}</ul>"
        for module in entry.facts["modules"]
    )
    return f"<h3>{escape(entry.facts.get('title') or 'Plan')}</h3>{_RENDERER.render(entry.content)}<ol>{modules}</ol>"
