"""Who issues tokens, as a real HTTP server with a key set (RFC 7517), keys that change, and faults on order."""

import json
import socket
import time
from asyncio import create_task
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.eventually import eventually

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Signer:
    """A key of the issuer's and what it signs with."""

    kid: str
    algorithm: str
    private: PrivateKey

    @classmethod
    def new(cls, algorithm: str, kid: str) -> "Signer":
        """A key for RS256, ES256 or EdDSA."""
        made: dict[str, Any] = {
            "RS256": lambda: rsa.generate_private_key(65537, 2048),
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
        }
        return cls(kid, algorithm, made[algorithm]())

    @property
    def public(self) -> dict[str, Any]:
        """The entry in the set."""
        kinds: dict[str, Any] = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
        entry: dict[str, Any] = json.loads(kinds[self.algorithm].to_jwk(self.private.public_key()))
        entry.pop("key_ops", None)
        return {**entry, "kid": self.kid, "use": "sig"}

    def token(self, user: str, **claims: Any) -> str:
        """A token for an hour."""
        given = {"sub": user, "name": user.title(), "exp": int(time.time()) + 3600, **claims}
        return jwt.encode(given, self.private, algorithm=self.algorithm, headers={"kid": self.kid})


@dataclass(slots=True)
class IssuerServer:
    """`fault`: an HTTP status, or bytes that are no key set."""

    url: str
    keys: list[dict[str, Any]] = field(default_factory=list)
    fault: int | bytes | None = None
    fetches: int = 0

    async def key_set(self, _request: Request) -> Response:
        self.fetches += 1
        if isinstance(self.fault, int):
            return Response(status_code=self.fault)
        return Response(self.fault) if self.fault is not None else JSONResponse({"keys": self.keys})


@asynccontextmanager
async def issuer_server(*signers: Signer) -> AsyncIterator[IssuerServer]:
    """The issuer, on a free port, while the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    one = IssuerServer(f"http://127.0.0.1:{listener.getsockname()[1]}/jwks.json", [each.public for each in signers])
    app = Starlette(routes=[Route("/jwks.json", one.key_set)])
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1))
    task = create_task(server.serve(sockets=[listener]))
    await eventually(lambda: server.started)
    try:
        yield one
    finally:
        server.should_exit = True
        await task
        listener.close()
