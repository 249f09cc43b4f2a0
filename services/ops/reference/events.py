"""`docs/events.md`: every fact, its fields, and an example that is really decoded."""

from typing import Any

from shared.events import CATALOGUE, Envelope, Event

_HEAD = """# Events

<!-- made from shared/events by `make docs`; a test keeps it fresh -->

Every fact is one message on the stream `EVENTS`, subject `event.<session_id>`. Its position (`seq`) is the stream's
sequence. The body is one [CloudEvents 1.0](https://cloudevents.io) JSON object; the headers only repeat what is in it.

"""


def events_page() -> str:
    """The page as Markdown."""
    parts = [_HEAD, "## The envelope\n\n", _table(Envelope), _headers(), "## The facts\n\n"]
    parts += [f"### `{name}`\n\n{_doc(event)}\n\n{_table(event)}" for name, event in CATALOGUE.items()]
    return "".join(parts).rstrip() + "\n"


def _doc(model: type[Any]) -> str:
    return " ".join((model.__doc__ or "").split())


def _headers() -> str:
    return (
        "| header | what |\n|---|---|\n"
        "| `Nats-Msg-Id` | people: `c/<actor>/<id>`, services: `s/<service>/<key>`; repeats are dropped |\n"
        "| `traceparent` | W3C trace context of the command |\n"
        "| `Reply-Id` | the event asks for a reply, which has this id |\n\n"
    )


def _table(model: type[Event] | type[Envelope]) -> str:
    schema = model.model_json_schema()
    required = set(schema.get("required", []))
    rows = ["| field | type | |\n|---|---|---|\n"]
    for name, field in schema["properties"].items():
        note = field.get("description", "") or ("" if name in required else "optional")
        rows.append(f"| `{name}` | {_type(field)} | {note} |\n")
    return "".join(rows) + "\n"


def _type(field: dict[str, Any]) -> str:
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in field:
        return " or ".join(_type(part) for part in field["anyOf"])
    if field.get("type") == "array":
        return f"array of {_type(field['items'])}"
    limits = [
        f"{sign} {field[key]}"
        for key, sign in (("minimum", "≥"), ("maximum", "≤"), ("maxLength", "at most"))
        if key in field
    ]
    unit = " characters" if "maxLength" in field else ""
    return f"{field.get('type', 'any')}{' (' + ', '.join(limits) + unit + ')' if limits else ''}"
