"""Who somebody is: JSON Web Tokens (RFC 7519), and invitations signed with the same secret.

A token's claims: `sub` user id, `name`, `exp` and `iat` (Unix seconds), `guest`, `role: operator`. It is signed with
the secret (HS256), or by an issuer whose public keys are known (RS256, ES256, EdDSA). What a key verifies is decided by
its kind: a public key never verifies HS256, nor the secret anything else. When it was made (`iat`) decides nothing: the
clock of whoever made it may be ahead, be it another gateway's.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any

import jwt

from shared import errors, jwks

GUEST_TTL_S = 30 * 24 * 3600
MAX_USER_BYTES = 128
HS256 = "HS256"
SERVICES = "svc/"  # begins the actors that are services: no user is called so
USERS = f"must be 1 to {MAX_USER_BYTES} bytes without NUL, and not begin with {SERVICES}"
SKEW_S = 5  # how far an issuer's clock may be from ours
LAST_S = 2**32 - 1  # what ends later ends then: clients count the seconds up to it in 32 bits


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs tokens besides us. `name` and `audience`: what `iss` and `aud` must say, if set."""

    keys: jwks.Keys
    name: str = ""
    audience: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified user. `expires_at` is in Unix seconds; `ttl_s`: how long the token was made for, 30 days at most."""

    user: str
    name: str
    expires_at: int
    guest: bool = False
    operator: bool = False
    ttl_s: int = GUEST_TTL_S


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
    return jwt.encode(claims, secret, algorithm=HS256)


def verify(secret: str, token: str, grace_s: float = 0) -> Identity:
    """The identity that a token signed with the secret proves; also one that expired up to `grace_s` ago.

    Raises:
        TokenExpired: it was good once.
        Unauthorized: it never was, or it names nobody.
    """
    return _identity(_claims(token, secret, [HS256], leeway=grace_s))


def verify_any(secret: str, issuer: Issuer, token: str) -> Identity:
    """The identity that a token proves, signed with the secret or by the issuer.

    Raises:
        TokenExpired: it was good once.
        UnknownKey: the issuer may have a newer key.
        Unauthorized: it never was good, or it names nobody.
    """
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise errors.Unauthorized(str(error)) from None
    algorithm = header.get("alg")
    if algorithm == HS256:
        return verify(secret, token)
    key = jwks.find(issuer.keys, header.get("kid"), algorithm)
    rules: dict[str, Any] = {"issuer": issuer.name or None, "audience": issuer.audience or None, "leeway": SKEW_S}
    return _identity(_claims(token, key.material, sorted(key.algorithms), **rules))


def _claims(token: str, key: Any, algorithms: list[str], audience: str | None = None, **rules: Any) -> dict[str, Any]:
    options: Any = {"require": ["exp", "sub"], "verify_aud": audience is not None}
    options |= {"verify_iat": False, "verify_nbf": False}
    try:
        claims = jwt.decode(token, key, algorithms=algorithms, options=options, audience=audience, **rules)
        begins_at = float(claims.get("nbf") or 0)
    except jwt.ExpiredSignatureError:
        raise errors.TokenExpired from None
    except (jwt.InvalidTokenError, OverflowError, TypeError, ValueError) as error:  # the others: a time that is none
        raise errors.Unauthorized(str(error)) from None
    if begins_at > time.time() + SKEW_S:
        raise errors.Unauthorized("the token is not good yet (nbf)")
    return claims


def _identity(claims: dict[str, Any]) -> Identity:
    user, name = claims["sub"], claims.get("name")
    if not _is_text(user) or not is_user(user):
        raise errors.Unauthorized(f"sub {USERS}")
    expires_at, made_at = min(int(claims["exp"]), LAST_S), claims.get("iat")
    lives_s = expires_at - (made_at if isinstance(made_at, int) else time.time())
    return Identity(
        user=user,
        name=name if _is_text(name) and name else user,
        expires_at=expires_at,
        guest=claims.get("guest") is True,
        operator=claims.get("role") == "operator",
        ttl_s=int(max(1, min(lives_s, GUEST_TTL_S))),
    )


def is_user(text: str) -> bool:
    """Whether somebody may be called so."""
    return 0 < len(text.encode()) <= MAX_USER_BYTES and not text.startswith(SERVICES) and "\x00" not in text


def _is_text(value: object) -> bool:
    """Whether it is text that UTF-8 can say: JSON may hold half of a surrogate pair."""
    try:
        return isinstance(value, str) and bool(value.encode() or True)
    except UnicodeEncodeError:
        return False


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
