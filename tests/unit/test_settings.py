"""What a service refuses to be told."""

import pytest
from pydantic import ValidationError

from shared.settings import ServiceSettings

A, B = "nats://127.0.0.1:4222", "tls://127.0.0.1:4223"


@pytest.mark.parametrize("addresses", [A, f"{A},{B}", f"{A}, {B}", "127.0.0.1:4222"])
def test_nats_is_spoken_to_directly_or_under_tls(addresses: str) -> None:
    assert ServiceSettings(nats_url=addresses).nats_url == addresses


@pytest.mark.parametrize("addresses", ["ws://127.0.0.1:8080", f"{A},wss://127.0.0.1:8080", "http://127.0.0.1"])
def test_any_other_way_is_refused_at_once(addresses: str) -> None:
    with pytest.raises(ValidationError, match="nats:// and tls:// addresses alone"):
        ServiceSettings(nats_url=addresses)
