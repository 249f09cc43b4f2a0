"""The OpenAPI document: generated from the code, with what every write needs and answers, and the errors there are."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from services.gateway.api.problems import Problem

KEY = "idempotency-key"


class Written(BaseModel):
    """What a write has become: its event, and where it stands. What it has made besides is named here, too."""

    id: str = Field(description="The event's id: the `Idempotency-Key`")
    seq: int = Field(description="The event's position in the log")
    duplicate: bool = Field(description="It was there before")
    session_id: str
    chat_id: str | None = None
    reply_id: str | None = Field(None, description="The reply that was asked for; it comes as events")
    invite: str | None = Field(None, description="The invitation's token")
    created: bool | None = Field(None, description="Made now, not found")
    up_to_seq: int | None = Field(None, description="How far one has read")


def operation_id(route: APIRoute) -> str:
    """What a generated client calls the operation, such as `messages_send`."""
    return "_".join([*map(str, route.tags[:1]), route.name])


def install(app: FastAPI) -> None:
    """Afterwards the document says so."""
    generate = app.openapi

    def described() -> dict[str, Any]:
        document = generate()
        document["components"]["schemas"] |= {model.__name__: model.model_json_schema() for model in (Problem, Written)}
        for item in document["paths"].values():
            for operation in item.values():
                _describe(operation)
        return document

    app.openapi = described  # type: ignore[method-assign]


def _describe(operation: dict[str, Any]) -> None:
    keys = [one for one in operation.get("parameters", []) if one["name"].lower() == KEY]
    for key in keys:
        key["required"] = True
        answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Written"}}}
        if "201" in operation["responses"]:
            operation["responses"]["201"] |= {"description": "Done", "content": answer}
        operation["responses"]["200"] = {"description": "Done, or done before", "content": answer}
