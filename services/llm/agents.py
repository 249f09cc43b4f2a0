"""Who answers, and with what: the agent of the registry, the wishes of the chat, and the operator's defaults."""

from dataclasses import dataclass, replace
from typing import Any

from services.llm import prompts
from services.llm.failures import GenerationFailedError
from services.llm.registry import Definition, Registry, load
from services.llm.settings import LlmSettings
from shared.events import AiContext, Track
from shared.events.replies import Purpose

NOBODY = Definition(name="assistant", description="Answers.")
NO_WISHES = AiContext()


@dataclass(frozen=True, slots=True)
class Spec:
    """An agent as it answers one reply, the wishes of the chat included. `title` is its name for people.

    `instructions` is the whole of what it is told first; `task` what it is told last where nobody has said anything.
    """

    name: str
    title: str
    instructions: str
    model: str
    temperature: float | None = None
    task: str = ""
    definition: Definition = NOBODY
    wishes: AiContext = NO_WISHES
    track: Track | None = None


class Agents:
    """The agents that there are.

    Raises:
        AgentsFileError: the file of the settings can't be used.
    """

    def __init__(self, settings: LlmSettings) -> None:
        self._settings = settings
        self.registry: Registry = load(settings.agents_file)

    def resolve(
        self,
        asked: str,
        chat_agent: str,
        chat_type: str,
        wishes: AiContext,
        track: Track | None = None,
        purpose: Purpose = "answer",
    ) -> Spec:
        """Who answers: the one `asked` by name, else the chat's own, else the default for chats of this type.

        Raises:
            GenerationFailedError: nobody can, with these settings.
        """
        if wishes.model and not self._settings.allows(wishes.model):
            raise GenerationFailedError("bad_configuration", f"The model “{wishes.model}” may not be used here.")
        definition = self.registry.resolve(asked, chat_agent or wishes.agent or "", chat_type)
        return replace(self._spec(definition, wishes, track), task=prompts.task(purpose, track))

    def listed(self) -> dict[str, Any]:
        """`{agents: [{name, title, description, model, hands_over_to}], defaults: {chat_type: name}, default}`."""
        shown = [
            {
                "name": agent.name,
                "title": agent.title or agent.name.capitalize(),
                "description": agent.description,
                "model": agent.model or self._settings.model_name,
                "hands_over_to": list(agent.hands_over_to),
            }
            for agent in self.registry.agents.values()
        ]
        return {"agents": shown, "defaults": self.registry.defaults, "default": self.registry.default}

    def next(self, spec: Spec, to: str, reason: str) -> Spec:
        """The agent `to`, going on with what `spec` was asked."""
        found = self._spec(self.registry.agents[to], spec.wishes, spec.track)
        told = prompts.system(found.instructions, prompts.handed_over(spec.name, reason))
        return replace(found, instructions=told, task=spec.task)

    def _spec(self, definition: Definition, wishes: AiContext, track: Track | None) -> Spec:
        s = self._settings
        first = s.system_prompt if wishes.system_prompt is None else wishes.system_prompt
        sampling = definition.settings
        return Spec(
            name=definition.name,
            title=definition.title or definition.name.capitalize(),
            instructions=prompts.system(first, definition.instructions, prompts.of_track(track)),
            model=wishes.model or definition.model or s.model_name,
            temperature=sampling.temperature if wishes.temperature is None else wishes.temperature,
            definition=definition,
            wishes=wishes,
            track=track,
        )
