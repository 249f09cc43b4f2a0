"""The model that answers when none is configured: deterministic, word by word, and honest about what it is.

It can do what is asked of agents: open a track with a plan, hand over when told to, and write a plan down.
"""

import asyncio
import re
from collections.abc import AsyncIterator

import orjson
from pydantic_ai.messages import ModelMessage, ModelRequest, SystemPromptPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel
from pydantic_ai.tools import ToolDefinition

from services.llm import offline_plan, prompts
from services.llm.planning import HAND_OVER_TOOL, PLAN_TOOL
from services.llm.settings import OFFLINE
from shared.events import Track

QUOTE_CHARS = 120
_TOLD = {prompts.FIRST_PLAN, prompts.GO_ON, *prompts.TASKS.values()}
_HAND_OVER = re.compile(r"\b(?:hand|pass|switch|transfer|give)\b.*?\bto\s+(?:the\s+)?([a-z][a-z0-9_-]*)", re.IGNORECASE)


def offline_model(word_ms: int) -> FunctionModel:
    """A model that pauses for `word_ms` milliseconds between two words."""

    async def stream(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str | DeltaToolCalls]:
        tools = {tool.name: tool for tool in info.output_tools}
        if PLAN_TOOL in tools:
            yield _call(PLAN_TOOL, offline_plan.draft(_track(messages), said(messages)).model_dump_json())
            return
        to = _asked_for(last_prompt(messages), tools.get(HAND_OVER_TOOL))
        text = f"I'm handing over to the {to}." if to else _text(messages)
        for word in re.findall(r"\S+\s*", text):
            yield word
            await asyncio.sleep(word_ms / 1000)
        if to:
            reason = "Somebody here asked for it."
            yield _call(HAND_OVER_TOOL, orjson.dumps({"to": to, "reason": reason}).decode())

    return FunctionModel(stream_function=stream, model_name=OFFLINE)


def last_prompt(messages: list[ModelMessage]) -> str:
    """What was said or told last; empty if nothing was."""
    texts = _texts(messages, UserPromptPart)
    return texts[-1] if texts else ""


def said(messages: list[ModelMessage]) -> list[str]:
    """What people have said, without what the agent was told to do."""
    return [text for text in _texts(messages, UserPromptPart) if text not in _TOLD]


def answer(prompt: str) -> str:
    """The same answer to the same words."""
    line = " ".join(prompt.split())
    quoted = line if len(line) <= QUOTE_CHARS else line[: QUOTE_CHARS - 1] + "…"
    count = len(line.split())
    start = f"You wrote: “{quoted}” ({count} {'word' if count == 1 else 'words'}). " if quoted else ""
    return (
        f"{start}I can't really answer that: no language model is configured, so this is Antiphon's offline model. "
        "For real answers set `OPENAI_API_KEY`, or `OPENAI_BASE_URL` for any server that speaks the OpenAI protocol "
        "(Ollama, vLLM, llama.cpp), and `ANTIPHON_MODEL`, in `.env` or the environment, and start again. "
        "Everything else works as it will then: order, streaming, recovery and the record."
    )


def _text(messages: list[ModelMessage]) -> str:
    told, track = last_prompt(messages), _track(messages)
    if told == prompts.TASKS["greet"]:
        return f"Hello! What is it about? ({answer('')})"
    if told == prompts.FIRST_PLAN:
        plan = offline_plan.as_text(offline_plan.draft(track, said(messages)))
        return f"Hello! Here is a first plan:\n\n{plan}\n\nWhat should be different? ({answer('')})"
    people = said(messages)
    return answer(people[-1] if people else "")


def _track(messages: list[ModelMessage]) -> Track | None:
    return prompts.find_track("\n\n".join(_texts(messages, SystemPromptPart)))


def _asked_for(prompt: str, tool: ToolDefinition | None) -> str:
    """The agent that somebody wants to be handed over to, if that may be."""
    if tool is None or prompt in _TOLD:
        return ""
    schema = tool.parameters_json_schema["properties"]["to"]
    may = schema.get("enum") or [schema.get("const")]
    return next((name for name in (n.lower() for n in _HAND_OVER.findall(prompt)) if name in may), "")


def _call(tool: str, arguments: str) -> DeltaToolCalls:
    return {1: DeltaToolCall(name=tool, json_args=arguments, tool_call_id=f"offline-{tool}")}


def _texts(messages: list[ModelMessage], kind: type[UserPromptPart] | type[SystemPromptPart]) -> list[str]:
    requests = (message for message in messages if isinstance(message, ModelRequest))
    parts = (part for request in requests for part in request.parts if isinstance(part, kind))
    return [part.content for part in parts if isinstance(part.content, str)]
