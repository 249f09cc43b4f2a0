"""Agents and models without a network: a generator over models made on the spot, and turns to write."""

from typing import Any

from pydantic_ai.models import Model

from services.llm.agents import Agents, Spec
from services.llm.breaker import Breaker
from services.llm.context import Said, build
from services.llm.generate import Generator
from services.llm.models import Candidate, Models
from services.llm.settings import LlmSettings
from services.llm.turn import Turn


def turn(words: str = "Hello", temperature: float | None = None, spec: Spec | None = None, **facts: Any) -> Turn:
    """A turn that answers `words`, by the model `test` unless a spec says otherwise."""
    asked = spec or Spec("", "Assistant", "", "test", temperature)
    said = [Said(seq=1, id="m1", role="user", content=words)] if words else []
    shown = build(said, "m1", 1, asked.instructions, 1000, asked.task)
    return Turn(asked, shown, lambda _: None, **facts)


def candidate(name: str, model: Model, settings: LlmSettings, **facts: Any) -> Candidate:
    """A model of a provider of its own."""
    return Candidate(name, model, Breaker(name, settings.breaker_failures, settings.breaker_open_s), **facts)


def generator(settings: LlmSettings, test: Model | Candidate | None = None, **others: Model | Candidate) -> Generator:
    """A generator that knows the model `test`, and others by their names."""
    named = others | ({"test": test} if test else {})
    known = {
        name: model if isinstance(model, Candidate) else candidate(name, model, settings)
        for name, model in named.items()
    }
    return Generator(Models(settings, known), Agents(settings), settings)
