"""`docs/asyncapi.json`: what a service that subscribes inside the system can rely on (AsyncAPI 3.0)."""

import json
from importlib.metadata import version
from typing import Any

from shared import subjects
from shared.events import CATALOGUE, Envelope

_SESSION = {"sessionId": {"description": "The session's id"}}


def asyncapi_page() -> str:
    """The document as indented JSON."""
    return json.dumps(asyncapi(), indent=2, ensure_ascii=False) + "\n"


def asyncapi() -> dict[str, Any]:
    """The document. Source: AsyncAPI 3.0.0."""
    messages = {_key(name): _message(name) for name in CATALOGUE}
    references = {key: {"$ref": f"#/components/messages/{key}"} for key in messages}
    channels = {
        "events": _channel(
            subjects.event("{sessionId}"), f"Stream {subjects.EVENTS}: every fact, in order", references
        ),
        "live": _channel(subjects.live("{sessionId}"), "Core copy of events and chunks, a hint: check it", references),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Antiphon, inside",
            "version": version("antiphon"),
            "description": "Events for services: subscribe to the stream EVENTS with a consumer of your own.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            "receiveEvents": {"action": "receive", "channel": {"$ref": "#/channels/events"}},
            "receiveLive": {"action": "receive", "channel": {"$ref": "#/channels/live"}},
        },
        "components": {"messages": messages},
    }


def _key(name: str) -> str:
    return "".join(part.capitalize() for part in name.replace(".", "_").split("_"))


def _channel(address: str, description: str, messages: dict[str, Any]) -> dict[str, Any]:
    return {"address": address, "description": description, "parameters": _SESSION, "messages": messages}


def _message(name: str) -> dict[str, Any]:
    envelope = Envelope.model_json_schema()
    data = CATALOGUE[name].model_json_schema()
    definitions = data.pop("$defs", None)
    envelope["properties"]["type"] = {"const": name}
    envelope["properties"]["data"] = _inline(data, definitions or {})
    return {
        "name": name,
        "title": CATALOGUE[name].__name__,
        "summary": " ".join((CATALOGUE[name].__doc__ or "").split()),
        "contentType": "application/cloudevents+json",
        "headers": {
            "type": "object",
            "properties": {
                subjects.HEADER_MSG_ID: {"type": "string"},
                subjects.HEADER_TRACEPARENT: {"type": "string"},
                subjects.HEADER_REPLY_ID: {"type": "string"},
            },
        },
        "payload": envelope,
    }


def _inline(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inline(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inline(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    return {key: _inline(value, definitions) for key, value in schema.items()}
