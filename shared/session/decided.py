"""What deciding is about: who asks, and what came of it."""

from dataclasses import dataclass
from typing import NamedTuple

from shared.events import Event


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks."""

    user: str
    name: str
    guest: bool = False


class Decided(NamedTuple):
    """The one event a command becomes. `strict`: publish only if the session has not moved since the state's seq."""

    event: Event
    strict: bool = False
