"""Who calls, and how a request becomes one of the methods."""

import asyncio
from typing import Annotated, Any, cast

import orjson
from fastapi import Depends, Header, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.gateway import methods
from services.gateway.context import Caller, Gateway
from services.gateway.limits import Buckets
from services.gateway.retry import RetryLater
from shared import errors, ids, telemetry


def _gateway(request: Request) -> Gateway:
    return cast(Gateway, request.app.state.gateway)


InGateway = Annotated[Gateway, Depends(_gateway)]


_scheme = HTTPBearer(auto_error=False, bearerFormat="JWT", description="A token of `POST /api/auth/guest` or `/token`")


def bearer(given: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]) -> str:
    """The token of `Authorization: Bearer <token>`; empty without one."""
    return given.credentials.strip() if given else ""


async def _caller(request: Request, gateway: InGateway, token: Annotated[str, Depends(bearer)]) -> Caller:
    caller = Caller(await gateway.identify(token))
    limits: Buckets | None = request.app.state.callers
    wait_s = limits.take(caller.identity.user, asyncio.get_running_loop().time()) if limits else None
    if wait_s is not None:
        raise RetryLater(wait_s)
    return caller


def _command_id(idempotency_key: Annotated[str, Header(description="UUIDv7; becomes the event's id")] = "") -> str:
    if not ids.is_uuid7(idempotency_key):
        raise errors.BadRequest("Idempotency-Key: a UUIDv7 is needed; sending it again returns the first result")
    return idempotency_key


ByCaller = Annotated[Caller, Depends(_caller)]
CommandId = Annotated[str, Depends(_command_id)]
Traceparent = Annotated[str, Header(description="W3C trace context")]


def respond(body: Any, status: int = 200) -> Response:
    """A JSON response."""
    return Response(orjson.dumps(body), status, media_type="application/json")


async def read(gateway: Gateway, caller: Caller, method: str, data: dict[str, Any]) -> Response:
    """What a reading method answers. Fields that are None are left out."""
    given = {name: value for name, value in data.items() if value is not None}
    return respond(await methods.call(gateway, caller, method, given))


async def write(
    gateway: Gateway, caller: Caller, method: str, data: dict[str, Any], traceparent: str, status: int = 201
) -> Response:
    """What a writing method answers: `status` the first time, 200 when it is a repeat."""
    with telemetry.span(f"http {method}", traceparent):
        answer = await methods.call(gateway, caller, method, data)
    return respond(answer, 200 if answer.get("duplicate") else status)
