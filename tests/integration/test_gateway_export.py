"""The export over HTTP: the same document on every gateway, for participants and operators alone."""

import httpx
import orjson

from shared import auth
from tests.support.gateways import new_session, read_models, talking
from tests.support.services import SECRET
from tests.support.system import antiphon


async def test_every_gateway_and_the_command_write_the_same_bytes(nats_url: str, database_url: str) -> None:
    async with (
        read_models(nats_url, database_url) as two,
        talking(two, "ada", "bob") as (ada, bob),
        httpx.AsyncClient() as http,
    ):
        session_id = await new_session(ada, bob)
        sent = await ada.send_message(session_id, "**Привет** 🌲 <script>alert(1)</script>")
        await bob.send_message(session_id, "later")

        async def exported(gateway: int, user: str = "ada", **query: str | int) -> httpx.Response:
            bearer = auth.mint(SECRET, user, ttl_s=60, operator=user == "root")
            address = f"{two[gateway].address}/api/sessions/{session_id}/export"
            return await http.get(address, params=query, headers={"Authorization": f"Bearer {bearer}"})

        for name in ("json", "jsonl", "md", "html", "csv"):
            documents = [await exported(gateway, format=name) for gateway in (0, 1)]
            assert documents[0].status_code == 200
            assert "later" in documents[0].text
            assert documents[0].content == documents[1].content
            assert f'.{name}"' in documents[0].headers["content-disposition"]
            assert "<script" not in documents[0].text or name in ("json", "jsonl", "csv")

        early = await exported(1, format="md", seq=sent["seq"])
        assert "later" not in early.text
        words = ("--session", session_id, "--format", "md", "--at", str(sent["seq"]), "--database-url", database_url)
        assert antiphon("export", *words).stdout == early.text
        words = ("--session", session_id, "--at", str(sent["seq"]), "--database-url", database_url)
        was = orjson.loads(antiphon("replay", "state", *words).stdout)
        assert was == await ada.rpc("session.at", session_id=session_id, seq=sent["seq"])
        assert [message["content"] for message in was["messages"]] == ["**Привет** 🌲 <script>alert(1)</script>"]
        assert (await exported(0, "root")).status_code == 200
        stranger = await exported(0, "eve")
        assert (stranger.status_code, stranger.headers["content-type"]) == (404, "application/problem+json")
        assert (await exported(0, format="docx")).status_code == 400
        assert (await exported(0, seq=10_000)).status_code == 422
