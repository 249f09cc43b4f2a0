"""What a model is shown: the chat's recent messages within a token budget, and the manifest that says which.

The prompt stands last. Other people's later messages wait for their own turn; answers that were finished meanwhile are
shown, wherever they stand in the log.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, SystemPromptPart, TextPart, UserPromptPart

from shared.bus.query import QueryClient
from shared.events import AiContext, Manifest, Track

CHARS_PER_TOKEN = 4  # an estimate that needs no tokenizer; English text has a little more
OVERHEAD_TOKENS = 4  # per message
QUERY_S = 5.0
PROJECTOR = "projector"


class Said(BaseModel):
    """One message of the chat as the projector has it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    seq: int
    id: str
    role: Literal["user", "assistant", "system", "tool"]
    author: str = ""
    author_name: str = ""
    content: str


@dataclass(frozen=True, slots=True)
class Context:
    """Rendered messages, oldest first, and where they come from."""

    messages: list[ModelMessage]
    manifest: Manifest
    tokens: int


class Chat(BaseModel):
    """A chat as the projector has it: the newest messages of the thread in order, and what concerns its model."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    messages: list[Said]
    ai_context: AiContext = AiContext()
    track: Track | None = None


async def recent(
    queries: QueryClient,
    session_id: str,
    chat_id: str,
    thread_of: str,
    *,
    up_to_seq: int,
    limit: int,
    deadline_s: float = QUERY_S,
) -> Chat:
    """The chat with the newest `limit` messages of the thread that ends with a message (empty: with the newest one) up
    to a position, once the projector has got there.

    Raises:
        Unavailable: the projector is away or behind.
    """
    request: dict[str, Any] = {
        "session_id": session_id,
        "chat_id": chat_id,
        "message_id": thread_of or None,
        "up_to_seq": up_to_seq,
        "min_seq": up_to_seq,
        "limit": limit,
    }
    answer = await queries.ask(PROJECTOR, "context", request, deadline_s)
    return Chat.model_validate(answer)


def build(
    said: list[Said], prompt_id: str, prompt_seq: int, system_prompt: str, budget_tokens: int, task: str = ""
) -> Context:
    """The context of an answer to `prompt_id`, which is always in it, even above the budget. `task` is said last."""
    prompt = [message for message in said if message.id == prompt_id]
    earlier = [m for m in said if m.id != prompt_id and (m.seq < prompt_seq or m.role == "assistant")]
    left = (
        budget_tokens
        - estimate_tokens(system_prompt)
        - estimate_tokens(task)
        - sum(_cost(message) for message in prompt)
    )
    chosen: list[Said] = []
    for message in reversed(earlier):
        left -= _cost(message)
        if left < 0:
            break
        chosen.insert(0, message)
    chosen += prompt
    people = {message.author for message in chosen if message.role == "user"}
    lines = [(m.role, _text(m, named=len(people) > 1)) for m in chosen]
    if system_prompt:
        lines.insert(0, ("system", system_prompt))
    if task:
        lines.append(("user", task))
    digest = hashlib.sha256(orjson.dumps(lines)).hexdigest()
    tokens = sum(estimate_tokens(text) + OVERHEAD_TOKENS for _, text in lines)
    manifest = Manifest(seqs=[message.seq for message in chosen], digest=digest)
    return Context([_message(role, text) for role, text in lines], manifest, tokens)


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has."""
    return -(-len(text) // CHARS_PER_TOKEN)


def _cost(message: Said) -> int:
    return estimate_tokens(message.content) + OVERHEAD_TOKENS


def _text(message: Said, *, named: bool) -> str:
    return (
        f"{message.author_name or message.author}: {message.content}"
        if named and message.role == "user"
        else message.content
    )


def _message(role: str, text: str) -> ModelMessage:
    if role == "assistant":
        return ModelResponse(parts=[TextPart(text)])
    return ModelRequest(parts=[UserPromptPart(text) if role == "user" else SystemPromptPart(text)])
