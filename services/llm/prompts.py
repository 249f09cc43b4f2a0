"""The words that a model is told besides the conversation: who it is, what the track is, what is to be done."""

import re

from shared.events import Track
from shared.events.replies import Purpose

TASKS: dict[Purpose, str] = {
    "greet": (
        "The conversation opens now. Greet the people here in a sentence or two, as the agent that you are, and ask "
        "what you need to know first."
    ),
    "finalize": (
        "Write down the plan that this conversation has come to, as it stands now: a title, a summary, and all modules "
        "in their order, each with a title, a description, its hours, and its topics."
    ),
}
FIRST_PLAN = (
    "The conversation opens now. Greet the learner in one sentence and present a first plan for the track at once: all "
    "modules in their order, each with a title, what one can do after it, its hours, and its topics. Then ask the one "
    "or two questions that would change the plan most."
)

# How each field of a track is written, so that it can be read again.
_FIELDS = {
    "title": "Title",
    "description": "Description",
    "difficulty_level": "Difficulty",
    "estimated_duration_hours": "Hours",
    "user_expectations": "Expectations",
}
_HEAD = "The track that this conversation is about, in the learner's own words:"


def system(*parts: str) -> str:
    """The parts that say something, one after the other."""
    return "\n\n".join(part.strip() for part in parts if part.strip())


def task(purpose: Purpose, track: Track | None) -> str:
    """What to do where nobody has just said something to be answered; empty for an answer."""
    return FIRST_PLAN if purpose == "greet" and track else TASKS.get(purpose, "")


def of_track(track: Track | None) -> str:
    """The track as a model reads it, a line for each field that says something."""
    if track is None:
        return ""
    said = {name: getattr(track, name) for name in _FIELDS}
    lines = [f"{label}: {' '.join(str(said[name]).split())}" for name, label in _FIELDS.items() if said[name]]
    return "\n".join([_HEAD, *lines])


def find_track(text: str) -> Track | None:
    """The track that `of_track` wrote somewhere in a text."""
    _, head, rest = text.partition(_HEAD + "\n")
    if not head:
        return None
    found: dict[str, str] = {}
    for line in rest.split("\n\n")[0].splitlines():
        label, _, said = line.partition(": ")
        found |= {name: said for name, known in _FIELDS.items() if known == label}
    return Track.model_validate(found)


def handed_over(by: str, reason: str) -> str:
    """What the agent that goes on with a reply is told."""
    why = re.sub(r"\s+", " ", reason).strip()
    return f"The agent “{by}” has handed this conversation over to you{f', because: {why}' if why else '.'}"


GO_ON = "(You have the floor now. Go on where the text above ends, without repeating it.)"
