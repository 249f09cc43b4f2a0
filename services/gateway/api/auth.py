"""Tokens: for a new guest, for the same user again, and for an application's users."""

import asyncio
import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, Field

from services.gateway.api.calls import InGateway, bearer, respond
from services.gateway.context import Gateway
from services.gateway.limits import Buckets
from services.gateway.retry import RetryLater
from shared import auth, errors, ids

router = APIRouter(prefix="/api/auth", tags=["auth"])

MAX_TTL_S = 365 * 24 * 3600


class NewGuest(BaseModel):
    """How a guest wants to be called."""

    name: Annotated[str, Field(max_length=60)] = ""


class NewToken(BaseModel):
    """What an application says of its user."""

    user: Annotated[str, Field(min_length=1, max_length=128)]
    name: Annotated[str, Field(max_length=200)] = ""
    ttl_s: Annotated[int, Field(ge=1, le=MAX_TTL_S)] = auth.GUEST_TTL_S
    operator: bool = False


class Token(BaseModel):
    """A token and whose it is; `expires_at` in Unix seconds."""

    token: str
    user: str
    name: str
    expires_at: int


def _answer(gateway: Gateway, token: str) -> Response:
    identity = gateway.verify(token)
    facts = {"token": token, "user": identity.user, "name": identity.name, "expires_at": identity.expires_at}
    return respond(facts)


@router.post("/guest", response_model=Token)
async def guest(gateway: InGateway, request: Request, body: NewGuest | None = None) -> Response:
    """A new guest and their token, good for 30 days."""
    limiter: Buckets | None = request.app.state.guests
    address = request.client.host if request.client else ""
    wait_s = limiter.take(address, asyncio.get_running_loop().time()) if limiter else None
    if wait_s is not None:
        raise RetryLater(wait_s)
    name = (body.name.strip() if body else "") or "Guest"
    return _answer(gateway, auth.mint(gateway.secret, f"guest-{ids.uuid7()}", name, guest=True))


@router.post("/refresh", response_model=Token)
async def refresh(gateway: InGateway, given: Annotated[str, Depends(bearer)]) -> Response:
    """A new token of the same user. An operator or an application's user gets what they had, for as long as that was
    minted for, and for 30 days at most.

    A guest has nothing but the token: one that has expired a while ago is still good for this.
    """
    who = auth.verify(gateway.secret, given, gateway.settings.guest_grace_s)
    if not who.guest:
        who = gateway.verify(given)
    ttl_s = auth.GUEST_TTL_S if who.guest else who.ttl_s
    token = auth.mint(gateway.secret, who.user, who.name, ttl_s, guest=who.guest, operator=who.operator)
    return _answer(gateway, token)


def _application(
    gateway: InGateway,
    given: Annotated[str, Depends(bearer)],
    service_key: Annotated[str, Header(alias="X-Service-Key")] = "",
) -> None:
    key = gateway.settings.service_key.get_secret_value()
    if not key or not hmac.compare_digest((service_key or given).encode(), key.encode()):
        raise errors.Unauthorized("the service key is needed")


@router.post("/token", dependencies=[Depends(_application)], response_model=Token)
async def token(gateway: InGateway, body: NewToken) -> Response:
    """A token for one of the application's users. The service key comes as `X-Service-Key` or as the bearer."""
    if not auth.is_user(body.user):
        raise errors.BadRequest(f"user: {auth.USERS}")
    return _answer(gateway, auth.mint(gateway.secret, body.user, body.name, body.ttl_s, operator=body.operator))
