"""The model that answers when none is configured: deterministic, word by word, and honest about what it is."""

import asyncio
import re
from collections.abc import AsyncIterator

from pydantic_ai.messages import ModelMessage, ModelRequest, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from services.llm.settings import OFFLINE

QUOTE_CHARS = 120


def offline_model(word_ms: int) -> FunctionModel:
    """A model that pauses for `word_ms` milliseconds between two words."""

    async def stream(messages: list[ModelMessage], _info: AgentInfo) -> AsyncIterator[str]:
        for word in re.findall(r"\S+\s*", answer(last_prompt(messages))):
            yield word
            await asyncio.sleep(word_ms / 1000)

    return FunctionModel(stream_function=stream, model_name=OFFLINE)


def last_prompt(messages: list[ModelMessage]) -> str:
    """What was said last; empty if nothing was."""
    said = [
        part.content
        for message in messages
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, UserPromptPart) and isinstance(part.content, str)
    ]
    return said[-1] if said else ""


def answer(prompt: str) -> str:
    """The same answer to the same words."""
    line = " ".join(prompt.split())
    quoted = line if len(line) <= QUOTE_CHARS else line[: QUOTE_CHARS - 1] + "…"
    count = len(line.split())
    said = f"You wrote: “{quoted}” ({count} {'word' if count == 1 else 'words'}). " if quoted else ""
    return (
        f"{said}I can't really answer that: no language model is configured, so this is Antiphon's offline model. "
        "For real answers set `OPENAI_API_KEY`, or `OPENAI_BASE_URL` for any server that speaks the OpenAI protocol "
        "(Ollama, vLLM, llama.cpp), and `ANTIPHON_MODEL`, in `.env` or the environment, and start again. "
        "Everything else works as it will then: order, streaming, recovery and the record."
    )
