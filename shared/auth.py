"""Who somebody is: JSON Web Tokens (RFC 7519), and invitations signed with the same secret.

A token's claims: `sub` user id, `name`, `exp` and `iat` (Unix seconds), `guest`, `role: operator`.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass

import jwt

from shared import errors

GUEST_TTL_S = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified user. `expires_at` is in Unix seconds."""

    user: str
    name: str
    expires_at: int
    guest: bool = False
    operator: bool = False


def mint(
    secret: str, user: str, name: str = "", ttl_s: int = GUEST_TTL_S, guest: bool = False, operator: bool = False
) -> str:
    """A token for `user` that is good for `ttl_s` seconds from now."""
    now = int(time.time())
    claims: dict[str, object] = {"sub": user, "name": name or user, "iat": now, "exp": now + ttl_s}
    if guest:
        claims["guest"] = True
    if operator:
        claims["role"] = "operator"
    return jwt.encode(claims, secret, algorithm="HS256")


def verify(secret: str, token: str, grace_s: float = 0) -> Identity:
    """The identity a token proves; also one that expired up to `grace_s` ago.

    Raises:
        TokenExpired: it was good once.
        Unauthorized: it never was, or it names nobody.
    """
    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], options={"require": ["exp", "sub"]}, leeway=grace_s)
    except jwt.ExpiredSignatureError:
        raise errors.TokenExpired from None
    except jwt.InvalidTokenError as error:
        raise errors.Unauthorized(str(error)) from None
    user, name = claims["sub"], claims.get("name")
    if not isinstance(user, str) or not 0 < len(user.encode()) <= 128:
        raise errors.Unauthorized("sub must be 1 to 128 bytes")
    return Identity(
        user=user,
        name=name if isinstance(name, str) and name else user,
        expires_at=int(claims["exp"]),
        guest=claims.get("guest") is True,
        operator=claims.get("role") == "operator",
    )


def invite_token(secret: str, session_id: str, invite_id: str) -> str:
    """The text that lets its bearer join: session, invitation and a signature. The same for the same invitation."""
    mac = hmac.digest(secret.encode(), f"invite:{session_id}:{invite_id}".encode(), hashlib.sha256).hex()[:32]
    return f"{session_id}.{invite_id}.{mac}"


def read_invite(secret: str, token: str) -> tuple[str, str]:
    """The (session id, invite id) of a genuine invitation.

    Raises:
        NotFound: it was not made here.
    """
    session_id, _, rest = token.partition(".")
    invite_id = rest.partition(".")[0]
    if not hmac.compare_digest(invite_token(secret, session_id, invite_id).encode(), token.encode()):
        raise errors.NotFound("no such invitation")
    return session_id, invite_id
