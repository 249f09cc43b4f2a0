"""Who can answer: the agents of one TOML file, checked as a whole when the worker starts.

The file that comes with Antiphon is `agents.toml` beside this module; `docs/agents.md` explains it by example.
"""

import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from services.llm.failures import GenerationFailedError
from services.llm.tools import Tools
from shared import errors
from shared.events.chats import ChatType
from shared.events.replies import AgentName

BUILT_IN = "agents.toml"


class AgentsFileError(errors.AntiphonError):
    """the agents' file can't be used"""


class Sampling(BaseModel):
    """How a model is asked. What is left out is left to the provider."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float | None = Field(None, ge=0, le=2)
    max_tokens: int | None = Field(None, ge=1)
    top_p: float | None = Field(None, gt=0, le=1)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    seed: int | None = None


class Definition(BaseModel):
    """One agent. An empty `model` is the operator's; `hands_over_to` are the agents it may let go on with a reply.

    `plan_by` is how the structured plan is asked of its model: as the argument of a tool, as JSON by a schema that the
    provider enforces, or as JSON that the prompt describes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: AgentName
    title: Annotated[str, StringConstraints(max_length=100)] = ""
    description: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    instructions: Annotated[str, StringConstraints(max_length=32_768, strip_whitespace=True)] = ""
    model: Annotated[str, StringConstraints(max_length=200)] = ""
    settings: Sampling = Sampling()
    tools: Tools = ()
    hands_over_to: tuple[AgentName, ...] = ()
    default_for: tuple[ChatType, ...] = ()
    plan_by: Literal["tool", "schema", "prompt"] = "tool"


class Registry(BaseModel):
    """All agents by name. `default` answers where nobody else is meant to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: AgentName
    agents: Mapping[AgentName, Definition] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        """Each table is told the name that it stands under."""
        if not isinstance(data, dict) or not isinstance(data.get("agents"), dict):
            return data
        named = {n: {"name": n, **table} if isinstance(table, dict) else table for n, table in data["agents"].items()}
        return {**data, "agents": named}

    @model_validator(mode="after")
    def _coherent(self) -> "Registry":
        wrong = list(_mistakes(self))
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @property
    def defaults(self) -> dict[str, str]:
        """Who answers in chats of a type, for the types that have somebody of their own."""
        return {chat_type: agent.name for agent in self.agents.values() for chat_type in agent.default_for}

    def resolve(self, asked: str, chat_agent: str, chat_type: str) -> Definition:
        """Who answers: the one asked by name, else the chat's, else the one for chats of this type, else the default.

        Raises:
            GenerationFailedError: that agent is not in the file (any more).
        """
        name = asked or chat_agent or self.defaults.get(chat_type, self.default)
        if name not in self.agents:
            raise GenerationFailedError("bad_configuration", f"There is no agent called “{name}” on this server.")
        return self.agents[name]


def _mistakes(registry: Registry) -> Iterator[str]:
    agents = registry.agents
    if registry.default not in agents:
        yield f"default: there is no agent {registry.default!r}"
    owners: dict[str, str] = {}
    for name, agent in agents.items():
        if agent.name != name:
            yield f"agents.{name}: its name is the one it stands under, not {agent.name!r}"
        for target in agent.hands_over_to:
            if target == name or target not in agents:
                yield f"agents.{name}.hands_over_to: there is no other agent {target!r}"
        for chat_type in agent.default_for:
            if (owner := owners.setdefault(chat_type, name)) != name:
                yield f"agents.{name}.default_for: {chat_type!r} is {owner!r}'s already"


def load(path: str = "") -> Registry:
    """The agents of the file at `path`; without one, those that come with Antiphon.

    Raises:
        AgentsFileError: it can't be read, or something in it is wrong; every mistake is named with its place.
    """
    try:
        text = Path(path).read_text("utf-8") if path else resources.files(__package__).joinpath(BUILT_IN).read_text()
        return Registry.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AgentsFileError(f"{path or BUILT_IN}: {error}") from None
    except ValidationError as error:
        raise AgentsFileError(f"{path or BUILT_IN}: {'; '.join(map(_mistake, error.errors()))}") from None


def _mistake(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"] if part != "[key]")
    said = str(error["msg"]).removeprefix("Value error, ")
    return f"{place}: {said}" if place else said
