"""One part of a reply: one agent asks one model, until it has said its piece, drawn up its plan, or handed over."""

import asyncio
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, cast

from pydantic_ai import Agent, Tool
from pydantic_ai import exceptions as ai
from pydantic_ai.messages import ModelMessage, PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta
from pydantic_ai.settings import ModelSettings

from services.llm import failures, planning, tools
from services.llm.failures import GenerationFailedError
from services.llm.models import Candidate
from services.llm.planning import Draft, HandOver
from services.llm.registry import Registry
from services.llm.settings import OFFLINE, LlmSettings
from services.llm.spending import Spending
from services.llm.turn import Answered, Planned, Turn
from shared.events.replies import FinishReason
from shared.logging import get_logger
from shared.surrogates import mended

log = get_logger("run")

MAX_CHARS = 100_000  # in the worst case 600 kB of JSON: an event must fit into a bus message of 1 MB

_FINISH: dict[str | None, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_call": "tool_calls",
    "error": "error",
}
Outcome = Answered | Planned | HandOver


class _FullError(Exception):
    """The text has become as long as an event can hold."""


@dataclass(slots=True)
class Run:
    """`messages` are what the model is shown; `may_hand_over` offers it the agents that this one may call on."""

    turn: Turn
    messages: list[ModelMessage]
    candidate: Candidate
    registry: Registry
    settings: LlmSettings
    may_hand_over: bool
    ends_at: float
    begun: bool = False  # the model has sent something
    said: bool = False  # and the reader has got some of it
    _length: int = 0
    _half: str = ""  # the first half of a surrogate pair, whose other half is still to come
    _spending: Spending = field(init=False)

    def __post_init__(self) -> None:
        self._spending = Spending(self.turn, self.candidate)
        self._length = len(self.turn.text)

    async def outcome(self) -> Outcome:
        """What it came to; the turn has got the text, and what it took.

        Raises:
            GenerationFailedError: nothing, with the reason, and whether another try makes sense.
        """
        now = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(min(self.ends_at, now() + self.settings.first_token_s)) as limit:
                return await self._run(limit)
        except _FullError:
            return Answered("length")
        except Exception as error:  # noqa: BLE001 - whatever a provider's client raises becomes a reason
            failure = self._understood(error)
            facts = {"reason": failure.reason, "error": type(error).__name__, "begun": self.said}
            log.warning("provider_failed", model=self.candidate.name, **facts)
            raise failure from None
        finally:
            if self.begun:
                self._spending.broken_off()

    async def _run(self, limit: asyncio.Timeout) -> Outcome:
        now = asyncio.get_running_loop().time
        finish: FinishReason = "unknown"
        async with self._agent().iter(
            message_history=self.messages,
            model=self.candidate.model,
            model_settings=self._wishes(),
            retries={"output": self.settings.plan_retries} if self._is_plan else None,
        ) as run:
            async for node in run:
                if Agent.is_model_request_node(node):
                    self._spending.asking()
                    async with node.stream(run.ctx) as stream:
                        async for event in stream:
                            limit.reschedule(min(self.ends_at, now() + self.settings.stall_s))
                            self._heard(event)
                    self._say("", is_last=True)
                    self._spending.answered(stream.response)
                    finish = self._finish(stream.response.finish_reason)
            output = run.result.output if run.result else None
        if isinstance(output, Draft):
            return output.planned()
        return output if isinstance(output, HandOver) else Answered(finish)

    @property
    def _is_plan(self) -> bool:
        return self.turn.purpose == "finalize"

    @property
    def _takes_tools(self) -> bool:
        return self.candidate.takes_tools and not self._is_plan

    def _agent(self) -> Agent[None, Any]:
        definition, takes = self.turn.spec.definition, self._takes_tools
        if self._is_plan:
            by = definition.plan_by if self.candidate.takes_tools else "prompt"
            return _planning(definition.name, "tool" if self.candidate.name == OFFLINE else by)
        targets = definition.hands_over_to if self.may_hand_over and takes else ()
        others = tuple((name, self.registry.agents[name].description) for name in targets)
        return _answering(definition.name, definition.tools if takes else (), others)

    def _wishes(self) -> ModelSettings:
        spec = self.turn.spec
        wishes = spec.definition.settings.model_dump(exclude_none=True)
        if spec.temperature is not None:
            wishes["temperature"] = spec.temperature
        return cast(ModelSettings, wishes)

    def _finish(self, reason: str | None) -> FinishReason:
        return _FINISH.get(reason, "stop" if self.candidate.name == OFFLINE else "unknown")

    def _heard(self, event: object) -> None:
        if not self.begun:
            self.begun = True
            self.candidate.breaker.answers()
        match event:
            case PartStartEvent(part=TextPart(content=text)) | PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
                if text and not self._is_plan:
                    self._say(text)
            case _:
                pass

    def _say(self, text: str, *, is_last: bool = False) -> None:
        text, self._half = whole(self._half + text, is_last=is_last)
        if not text:
            return
        pieces = self.turn.pieces
        if self._spending.is_fresh and pieces and not pieces[-1].endswith("\n"):
            text = "\n\n" + text  # after a tool's result, or after the agent before
        text = text[: MAX_CHARS - self._length]
        self._length += len(text)
        self.said = True
        self.turn.add(text)
        if self._length >= MAX_CHARS:
            raise _FullError

    def _understood(self, error: Exception) -> GenerationFailedError:
        failure = failures.understand(error)
        if self._is_plan and isinstance(error, ai.UnexpectedModelBehavior) and failure.reason != "refused":
            return GenerationFailedError("invalid_plan")
        if self.candidate.takes_tools and not self.begun and failures.is_about_tools(error):
            self.candidate.takes_tools = False  # it is asked again, and from now on, without them
            return GenerationFailedError("refused", again=True, retry_after_s=0.0)
        failure.again = failure.again and not self.said
        return failure


def whole(text: str, *, is_last: bool) -> tuple[str, str]:
    """The text as UTF-8 can say it, and the half of a surrogate pair that it ends with unless `is_last`: a provider may
    cut inside an emoji. A half without its other half becomes U+FFFD.
    """
    if not is_last and "\ud800" <= text[-1:] <= "\udbff":
        text, half = text[:-1], text[-1]
    else:
        half = ""
    return mended(text), half


# To make one takes milliseconds, so they are kept; one may answer any number of replies at the same time.


@cache
def _planning(name: str, by: Literal["tool", "schema", "prompt"]) -> Agent[None, Any]:
    return Agent(name=name, output_type=planning.plan_output(by))


@cache
def _answering(name: str, tool_names: tuple[str, ...], others: tuple[tuple[str, str], ...]) -> Agent[None, Any]:
    own = tuple(Tool(tools.guarded(tools.find(tool))) for tool in tool_names)
    output: Any = [str, planning.hand_over_output(dict(others))] if others else str
    return Agent(name=name, tools=own, output_type=output)
