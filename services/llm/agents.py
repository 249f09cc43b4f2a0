"""Who answers, and with what."""

from dataclasses import dataclass

from services.llm.settings import LlmSettings
from shared.events import AiContext
from shared.logging import get_logger

log = get_logger("agents")


@dataclass(frozen=True, slots=True)
class Spec:
    """An agent as it answers one reply, the wishes of the chat included. `title` is its name for people."""

    name: str
    title: str
    instructions: str
    model: str
    temperature: float | None = None


class Agents:
    """The agents that there are."""

    def __init__(self, settings: LlmSettings) -> None:
        self._settings = settings

    def resolve(self, asked: str, chat_agent: str, chat_type: str, wishes: AiContext) -> Spec:
        """Who answers: the one `asked` by name, else the chat's own, else the default for chats of this type.

        Raises:
            GenerationFailedError: nobody can, with these settings.
        """
        s = self._settings
        instructions = s.system_prompt if wishes.system_prompt is None else wishes.system_prompt
        log.debug("agent_resolved", asked=asked, chat_agent=chat_agent, chat_type=chat_type)
        return Spec(asked or chat_agent, "Assistant", instructions, s.model_name, wishes.temperature)
