"""The text of a reply, or its plan: one agent after the other, and for each one model after the other.

The next model is asked as long as nothing was said: a text that a reader has seen the beginning of is not begun anew.
"""

from functools import partial

from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, SystemPromptPart, TextPart, UserPromptPart

from services.llm import metrics, patience, prompts
from services.llm.agents import Agents
from services.llm.failures import GenerationFailedError
from services.llm.models import Models
from services.llm.planning import HandOver
from services.llm.run import Outcome, Run
from services.llm.settings import LlmSettings
from services.llm.turn import Answered, Planned, Turn
from shared.events import AgentSwitched
from shared.events.replies import FailReason
from shared.logging import get_logger

log = get_logger("generate")

# What another model may do better; a refusal is an answer.
FALLS_BACK: frozenset[FailReason] = frozenset(
    {"rate_limited", "too_long", "unreachable", "timeout", "bad_configuration", "provider_error", "invalid_plan"}
)


class Generator:
    """Writes replies for one worker."""

    def __init__(self, models: Models, agents: Agents, settings: LlmSettings) -> None:
        self._models = models
        self._agents = agents
        self._settings = settings

    async def generate(self, turn: Turn) -> Answered | Planned:
        """The turn has got the whole answer, piece by piece as it came.

        Raises:
            GenerationFailedError: with the reason, after all tries and models that made sense.
            Unavailable: a hand-over could not be recorded.
        """
        shown = turn.context.messages[1:] if turn.spec.instructions else turn.context.messages
        messages = conversation(turn, shown)
        hand_overs = 0
        while True:
            outcome = await self._ask(turn, messages, may_hand_over=hand_overs < self._settings.max_hand_overs)
            match outcome:
                case HandOver():
                    hand_overs += 1
                    await self._hand_over(turn, outcome, hand_overs)
                    messages = conversation(turn, shown)
                case Answered() if not turn.text.strip():
                    raise GenerationFailedError("provider_error")
                case _:
                    return outcome

    async def _hand_over(self, turn: Turn, asked: HandOver, number: int) -> None:
        spec = self._agents.next(turn.spec, asked.to, asked.reason)
        switched = AgentSwitched(
            chat_id=turn.chat_id,
            agent=spec.name,
            previous=turn.agent,
            reason=asked.reason,
            metadata={"model": turn.model, "hand_over": number},
            reply_id=turn.reply_id,
        )
        if not await turn.record(switched, f"switch/{number}/{spec.name}"):
            raise GenerationFailedError("gave_up")  # which nobody will read: somebody else is ahead of us
        metrics.HANDED_OVER.labels(spec.name).inc()
        turn.spec, turn.agent = spec, spec.name

    async def _ask(self, turn: Turn, messages: list[ModelMessage], *, may_hand_over: bool) -> Outcome:
        s, said = self._settings, len(turn.pieces)
        ends_at = turn.started_at + s.total_s
        names = self._models.line(turn.spec.model)
        first: GenerationFailedError | None = None
        for place, name in enumerate(names, start=1):
            is_last = place == len(names)
            turn.model = name
            try:
                candidate = self._models.candidate(name)
                make = partial(Run, turn, messages, candidate, self._agents.registry, s, may_hand_over, ends_at)
                return await patience.ask(make, s, is_last=is_last)
            except GenerationFailedError as failure:
                first = first or failure
                if failure.reason not in FALLS_BACK or len(turn.pieces) > said:
                    raise
                log.warning("model_failed", model=name, reason=failure.reason, is_last=is_last)
                metrics.FELL_BACK.labels(name).inc(not is_last)
        turn.model = names[0]
        raise first or GenerationFailedError("gave_up")


def conversation(turn: Turn, shown: list[ModelMessage]) -> list[ModelMessage]:
    """What was `shown`, under the instructions of the turn's agent, and followed by what the reply has said so far."""
    messages: list[ModelMessage] = []
    if turn.spec.instructions:
        messages.append(ModelRequest(parts=[SystemPromptPart(turn.spec.instructions)]))
    messages += shown
    if not shown or not isinstance(shown[-1], ModelRequest):  # another opening, or what to answer is redacted
        messages.append(ModelRequest(parts=[UserPromptPart(prompts.task("greet", turn.spec.track))]))
    if turn.pieces:
        messages += [ModelResponse(parts=[TextPart(turn.text)]), ModelRequest(parts=[UserPromptPart(prompts.GO_ON)])]
    return messages
