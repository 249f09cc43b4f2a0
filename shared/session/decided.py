"""What deciding is about: who asks, and what came of it."""

from dataclasses import dataclass

from shared.events import Event


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks."""

    user: str
    name: str
    guest: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """The one event a command becomes. `strict`: publish only if the session has not moved since the state's seq."""

    event: Event
    strict: bool = False
