"""Tokens of an identity provider on running gateways: keys that change, and a provider that is away."""

import asyncio

import httpx
import pytest

from tests.support.client import ReplyError, connected
from tests.support.eventually import eventually
from tests.support.gateways import gateways, new_session, token
from tests.support.issuer import Signer, issuer_server
from tests.support.services import RealService

QUICK = {"ANTIPHON_JWKS_REFRESH_S": "3600", "ANTIPHON_JWKS_PAUSE_S": "0.2", "ANTIPHON_TOKEN_AUDIENCE": "antiphon"}


async def user_of(gateway: RealService, token: str) -> str:
    async with connected(gateway.address, token) as one:
        user: str = one.hello["data"]["user"]
        return user


async def outcome(gateway: RealService, token: str) -> str:
    """The user, or the code that is final. Whoever is told to come back does, as the SDKs do."""

    async def answer() -> str:
        try:
            return await user_of(gateway, token)
        except ReplyError as error:
            return "" if (error.code, error.temporary) == (503, True) else str(error)
        except ConnectionError as error:
            return str(error).removeprefix("closed with ")[:4]

    return await eventually(answer)


async def test_a_key_that_is_new_is_fetched_and_one_that_is_gone_is_forgotten(nats_url: str) -> None:
    old, new, later = Signer.new("RS256", "old"), Signer.new("ES256", "new"), Signer.new("EdDSA", "later")
    async with issuer_server(old) as issuer, gateways(nats_url, 1, QUICK | {"ANTIPHON_JWKS_URL": issuer.url}) as (one,):
        await eventually(lambda: issuer.fetches == 1)
        assert await user_of(one, old.token("ada", aud="antiphon")) == "ada"
        assert await user_of(one, token("bob")) == "bob"
        issuer.keys = [new.public]
        joined = await asyncio.gather(*(outcome(one, new.token(f"u{n}", aud="antiphon")) for n in range(20)))
        assert joined == [f"u{n}" for n in range(20)]
        assert issuer.fetches == 2, "one fetch for all who came with the new key"
        for refused in (old.token("ada", aud="antiphon"), new.token("ada")):
            assert await outcome(one, refused) == "3500"
        before = issuer.fetches
        made_up = [Signer(f"made-up-{n}", "ES256", new.private).token("eve") for n in range(30)]
        results = await asyncio.gather(*(user_of(one, each) for each in made_up), return_exceptions=True)
        assert all(isinstance(result, ReplyError | ConnectionError) for result in results)
        assert issuer.fetches - before <= 10, "who makes up key ids does not decide how often the issuer is asked"
        issuer.keys = [new.public, later.public]
        async with connected(one.address, new.token("ada", aud="antiphon")) as ada:
            session_id = await new_session(ada)

            async def refreshed() -> bool:
                try:
                    return bool((await ada.call("refresh", token=later.token("ada", aud="antiphon")))["ttl"])
                except ReplyError as error:
                    return not error.temporary

            await eventually(refreshed)
            with pytest.raises(ReplyError, match="101"):
                await ada.call("refresh", token=later.token("eve", aud="antiphon"))
            await ada.send_message(session_id, "the connection was kept")
        async with httpx.AsyncClient(base_url=one.address) as http:
            headers = {"Authorization": f"Bearer {new.token('ada', aud='antiphon')}"}
            assert (await http.get(f"/api/sessions/{session_id}", headers=headers)).status_code == 200
            assert (await http.post("/api/auth/refresh", headers=headers)).status_code == 401, "its issuer renews it"


async def test_an_issuer_that_is_away_keeps_nobody_out_whose_key_is_known(nats_url: str) -> None:
    known, unknown = Signer.new("ES256", "known"), Signer.new("ES256", "unknown")
    quick = {**QUICK, "ANTIPHON_JWKS_REFRESH_S": "0.2", "ANTIPHON_TOKEN_AUDIENCE": ""}
    async with issuer_server(known) as issuer:
        issuer.fault = 500
        async with (
            gateways(nats_url, 1, quick | {"ANTIPHON_JWKS_URL": issuer.url}) as (one,),
            httpx.AsyncClient(base_url=one.address) as http,
        ):

            async def state() -> dict[str, object]:
                found: dict[str, object] = (await http.get("/health/ready")).json()["checks"]["issuer"]
                return found

            assert (await state())["degraded"] is True
            assert await user_of(one, token("bob")) == "bob", "tokens of one's own need no issuer"
            with pytest.raises(ReplyError) as refused:
                await user_of(one, known.token("ada"))
            assert (refused.value.code, refused.value.temporary) == (503, True)
            issuer.fault = None

            async def well() -> bool:
                return await state() == {"status": "ok", "keys": 1, "degraded": False}

            await eventually(well)
            for fault in (503, b"no keys here", b'{"keys":5}', b" " * 300_000):
                issuer.fault = fault
                before = issuer.fetches
                await eventually(lambda before=before: issuer.fetches > before + 1)  # type: ignore[misc]
                assert await user_of(one, known.token("ada")) == "ada"
                with pytest.raises(ReplyError, match="503"):
                    await user_of(one, unknown.token("ada"))
            assert (await state())["degraded"] is True
            assert "Traceback" not in one.log
