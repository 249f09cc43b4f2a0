"""Shared objects: what participants do to them, in one order."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints

from shared.events.base import Event

OperationKind = Annotated[str, StringConstraints(min_length=1, max_length=64)]
ObjectId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/@-]{1,200}$")]


class OperationApplied(Event):
    """A participant did something to a shared object. What it means is between those who share it."""

    TYPE: ClassVar[str] = "operation.applied.v1"
    kind: OperationKind
    target: ObjectId
    payload: Any = Field(None, description="any JSON")
