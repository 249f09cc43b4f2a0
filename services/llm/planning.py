"""The structured plan and the hand-over as a model gives them: pydantic-ai checks them, and has them repaired."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, create_model, field_validator
from pydantic_ai import NativeOutput, PromptedOutput, ToolOutput

from services.llm.turn import Planned
from shared.events import PlanModule
from shared.events.plans import Text

PLAN_TOOL = "final_plan"
HAND_OVER_TOOL = "hand_over"


class Draft(BaseModel):
    """The whole plan: a title, a summary of two or three sentences, and the modules in the order they are taken."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    summary: Text = ""
    modules: list[PlanModule] = Field(min_length=1, max_length=100)

    @field_validator("modules")
    @classmethod
    def _distinct(cls, modules: list[PlanModule]) -> list[PlanModule]:
        titles = [module.title.strip().casefold() for module in modules]
        twice = sorted({title for title in titles if titles.count(title) > 1})
        if twice:
            raise ValueError(f"each module needs a title of its own; twice: {', '.join(twice)}")
        return modules

    def planned(self) -> Planned:
        """As it is recorded."""
        return Planned(self.title, self.summary, self.modules)


class HandOver(BaseModel):
    """Let another agent go on with this reply and with the conversation, because it knows better."""

    to: str
    reason: Annotated[str, StringConstraints(max_length=1000)] = Field("", description="Why, in one sentence")


def plan_output(by: Literal["tool", "schema", "prompt"]) -> Any:
    """The plan as pydantic-ai asks for it."""
    match by:
        case "tool":
            return ToolOutput(Draft, name=PLAN_TOOL)
        case "schema":
            return NativeOutput(Draft, name=PLAN_TOOL)
        case "prompt":
            return PromptedOutput(Draft, name=PLAN_TOOL)


def hand_over_output(others: dict[str, str]) -> Any:
    """The hand-over as pydantic-ai offers it, to the agents that are allowed, each with what it is for; a call of it
    ends the agent's part.
    """
    who = "\n".join(f"- {name}: {description}" for name, description in others.items())
    to: Any = Literal[tuple(others)]
    offered = create_model("HandOver", __base__=HandOver, to=(to, ...))
    return ToolOutput(offered, name=HAND_OVER_TOOL, description=f"{HandOver.__doc__}\n{who}")
