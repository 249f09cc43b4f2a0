"""Small decisions of the `antiphon` command."""

from pathlib import Path

import pytest

from services.ops import database, errors
from services.ops.commands.token import seconds
from services.ops.reload import affected
from services.ops.settings import UpSettings

ROOT = Path("/tree")
ALL = {"services.gateway", "services.history"}


@pytest.mark.parametrize(
    ("text", "expected"), [("90", 90), ("90s", 90), ("5m", 300), ("12h", 43_200), ("30d", 2_592_000)]
)
def test_a_duration_has_a_unit_or_means_seconds(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "0", "-5", "1.5h", "1w", "soon"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(errors.BadDuration, match="not a duration"):
        seconds(text)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (["services/gateway/app.py"], {"services.gateway"}),
        (["shared/bus/pull.py"], ALL),
        (["services/gateway/notes.md", "services/ops/system.py"], set()),
    ],
)
def test_an_edit_restarts_what_it_concerns(changed: list[str], expected: set[str]) -> None:
    assert affected([str(ROOT / name) for name in changed], ROOT, ALL) == expected


def test_a_password_never_reaches_a_message() -> None:
    assert (
        database.masked("postgresql://antiphon:hush@127.0.0.1:5432/antiphon")
        == "postgresql://antiphon@127.0.0.1:5432/antiphon"
    )
    assert database.masked("nats://127.0.0.1:4222") == "nats://127.0.0.1:4222"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_way_to_write_the_address_is_understood(scheme: str) -> None:
    assert database.plain(f"{scheme}://a:b@c/d") == "postgresql://a:b@c/d"


def test_gateways_take_the_ports_from_the_first_one_on() -> None:
    settings = UpSettings(environment={}, port=8000, gateways=3, host="0.0.0.0")
    assert settings.addresses == ["http://127.0.0.1:8000", "http://127.0.0.1:8001", "http://127.0.0.1:8002"]


def test_every_error_is_one_sentence_that_says_what_to_do() -> None:
    for kind in errors.OpsError.__subclasses__():
        assert kind.__doc__ is not None
        assert ":" in kind.__doc__, kind
        assert kind.__doc__.strip().count("\n") == 0, kind
