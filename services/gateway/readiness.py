"""Can this gateway work? NATS and the event stream must be there; the others are named, and only make it degraded."""

from typing import Any

import nats.errors
import orjson
from nats.js.errors import NotFoundError

from services.gateway.context import Gateway
from services.gateway.room import FULL
from shared import errors, subjects
from shared.bus import streams
from shared.health import Check

ASK_S = 1.5


def checks(gateway: Gateway) -> dict[str, Check]:
    """The checks by the name of what they look at."""

    async def nats_server() -> dict[str, Any]:
        if not gateway.bus.is_connected:
            raise errors.Unavailable("not connected")
        return {"round_trip_ms": round(1000 * await gateway.bus.client.rtt(), 2)}

    async def events() -> dict[str, Any]:
        try:
            info = await gateway.bus.js.stream_info(subjects.EVENTS)
        except NotFoundError:
            raise errors.Unavailable("events stream missing: history makes it") from None
        if gateway.sessions.outages.is_quiet:
            raise errors.Unavailable(f"no answer for {gateway.sessions.outages.silent_s:.0f} s")
        if not gateway.sessions.epoch:
            raise errors.Unavailable("the stream has not been looked at yet")
        share = streams.filled(info)
        facts = {"last_seq": info.state.last_seq, "epoch": streams.epoch_of(info), "filled": round(share, 3)}
        if share >= FULL:
            facts |= {"degraded": True, "cause": "EVENTS is nearly full: new commands are refused"}
        return facts

    async def issuer() -> dict[str, Any]:
        keyring = gateway.keyring
        facts: dict[str, Any] = {"keys": len(keyring.keys), "degraded": bool(keyring.fault)}
        return {**facts, "cause": keyring.fault} if keyring.fault else facts

    return {
        **({"issuer": issuer} if gateway.keyring.is_used else {}),
        "nats": nats_server,
        "events": events,
        "history": lambda: _owner(gateway, "history", "head", {}),
        "projector": lambda: _owner(gateway, "projector", "sessions", {"user": "nobody", "limit": 1}),
    }


async def _owner(gateway: Gateway, owner: str, name: str, question: dict[str, Any]) -> dict[str, Any]:
    """Whether the owner's queries are answered. If not: older history and lists wait; live and posting go on."""
    try:
        reply = await gateway.bus.client.request(subjects.query(owner, name), orjson.dumps(question), timeout=ASK_S)
    except (nats.errors.Error, TimeoutError):
        return {"degraded": True, "cause": f"{owner} does not answer"}
    answer = orjson.loads(reply.data)
    if "error" in answer:
        return {"degraded": True, "cause": f"{owner}: {answer['error'].get('message', '')}"}
    return {"degraded": False}
