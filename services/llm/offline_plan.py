"""The plans of the offline model: made of the track and of what was said, the same for the same words."""

import re

from services.llm.planning import Draft
from shared.events import PlanModule, Track

DEFAULT_HOURS = 10.0
STEP = 0.5  # hours come in halves
SHARES = (("Foundations", 0.2), ("The heart of it", 0.35), ("Practice", 0.25), ("A project of your own", 0.2))
MAX_WISHES = 20

_WISH = re.compile(r"\b(?:add|include|cover)\s+(?:a\s+module\s+(?:on|about|for)\s+)?([^.!?\n]{2,100})", re.IGNORECASE)
_PARTS = re.compile(r"[,;:.\n]|\band\b")


def draft(track: Track | None, said: list[str]) -> Draft:
    """Four modules, and one for each thing that somebody asked to add; their hours make up the track's."""
    title = track.title if track else _title(said)
    hours = max((track.estimated_duration_hours if track else None) or DEFAULT_HOURS, STEP)
    wishes = _wishes(said)
    topics = _topics(track)
    names = [name for name, _ in SHARES] + wishes
    shares = [share for _, share in SHARES] + [0.2] * len(wishes)
    modules = [
        PlanModule(
            title=name,
            description=f"{name}: what you need of {title} to go on.",
            hours=length,
            topics=topics[place :: len(names)] or [f"{title}: {name.lower()}"[:200]],
        )
        for place, (name, length) in enumerate(zip(names, _hours(hours, shares), strict=True))
    ]
    return Draft(title=title, summary=f"{len(modules)} modules, {hours:g} hours.", modules=modules)


def as_text(plan: Draft) -> str:
    """The plan in Markdown."""
    modules = (
        f"{number}. **{module.title}** ({module.hours:g} h): {', '.join(module.topics)}"
        for number, module in enumerate(plan.modules, start=1)
    )
    return "\n".join([f"**{plan.title}** ({plan.summary})", "", *modules])


def _title(said: list[str]) -> str:
    words = " ".join(said[0].split()) if said else ""
    return words[:80] or "A plan"


def _topics(track: Track | None) -> list[str]:
    text = f"{track.description}\n{track.user_expectations}" if track else ""
    parts = (" ".join(part.split()) for part in _PARTS.split(text))
    return [part[:200] for part in dict.fromkeys(parts) if len(part) > 2]


def _wishes(said: list[str]) -> list[str]:
    taken = {name.casefold() for name, _ in SHARES}
    found = [wish.strip() for words in said for wish in _WISH.findall(words)]
    new = {wish.casefold(): wish[:1].upper() + wish[1:] for wish in found if wish.casefold() not in taken}
    return list(new.values())[:MAX_WISHES]


def _hours(total: float, shares: list[float]) -> list[float]:
    """Shares of the total in halves of an hour, none below one half; the last takes what rounding leaves."""
    weight = sum(shares)
    parts = [max(STEP, round(total * share / weight / STEP) * STEP) for share in shares]
    parts[-1] = max(STEP, total - sum(parts[:-1]))
    return parts
