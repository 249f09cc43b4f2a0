"""Many connections on one gateway, each cheap, none lost. `make bench ARGS=many` holds five times as many."""

from tests.bench.many import hold
from tests.support.gateways import gateways, token

COUNT = 2000
SETTINGS = {
    "ANTIPHON_CONNECTIONS_PER_USER": "0",
    "ANTIPHON_COMMANDS_PER_S": "0",
    "ANTIPHON_LOG_LEVEL": "warning",
    "ANTIPHON_PING_S": "4",
    "ANTIPHON_PONG_S": "4",
}


async def test_thousands_are_held_and_all_are_reached(nats_url: str) -> None:
    async with gateways(nats_url, 1, SETTINGS) as (one,):
        held = await hold(one.address, one.pid, token("ada"), COUNT, hold_s=4.0)
    assert (held.lost, held.reached, held.pinged) == (0, COUNT, COUNT), held
    assert held.most_mb < 512 * (COUNT / 10_000) + 150, held
