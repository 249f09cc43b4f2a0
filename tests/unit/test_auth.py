"""Tokens and invitations."""

import time

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import auth, errors, ids

SECRET = "a secret of more than thirty-two characters"


def test_a_minted_token_proves_who_it_was_minted_for() -> None:
    identity = auth.verify(SECRET, auth.mint(SECRET, "u.1 ä", "Ada", 60, guest=True, operator=True))
    assert (identity.user, identity.name, identity.guest, identity.operator) == ("u.1 ä", "Ada", True, True)


def test_an_expired_token_is_told_from_a_wrong_one() -> None:
    with pytest.raises(errors.TokenExpired):
        auth.verify(SECRET, auth.mint(SECRET, "u", ttl_s=-1))
    for wrong in (
        "",
        "x",
        auth.mint(SECRET + "!", "u"),
        jwt.encode({"sub": "u", "exp": 2**33}, None, algorithm="none"),
    ):
        with pytest.raises(errors.Unauthorized):
            auth.verify(SECRET, wrong)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 2**33},
        *({"sub": sub, "exp": 2**33} for sub in ("", "u" * 129, "é" * 65, "u\0", "svc/llm")),
        {"sub": "u"},
    ],
)
def test_a_token_that_names_nobody_is_refused(claims: dict[str, object]) -> None:
    with pytest.raises(errors.Unauthorized):
        auth.verify(SECRET, jwt.encode(claims, SECRET, algorithm="HS256"))


def test_a_clock_that_is_ahead_makes_good_tokens_all_the_same() -> None:
    """Gateways mint, too, and a client takes its token to the next one."""
    now = int(time.time())
    for times in ({"iat": now + 90}, {"nbf": now + 2}, {"nbf": now - 9.5}, {"iat": "soon"}, {"nbf": None}):
        token = jwt.encode({"sub": "u", "exp": now + 600, **times}, SECRET, algorithm="HS256")
        assert auth.verify(SECRET, token).expires_at == now + 600
    for times in ({"nbf": now + 60}, {"nbf": "soon"}, {"nbf": [1]}):
        with pytest.raises(errors.Unauthorized):
            auth.verify(SECRET, jwt.encode({"sub": "u", "exp": now + 600, **times}, SECRET, algorithm="HS256"))


@pytest.mark.parametrize("end", [2**33, 253_402_300_799, 2**70, 10**400, "99999999999"])
def test_an_end_far_away_is_one_that_clients_can_count_to(end: object) -> None:
    assert auth.verify(SECRET, jwt.encode({"sub": "u", "exp": end}, SECRET, algorithm="HS256")).expires_at == 2**32 - 1


def test_an_invitation_is_the_same_for_the_same_event_and_can_not_be_made_up() -> None:
    invite = ids.uuid7()
    token = auth.invite_token(SECRET, "s1", invite)
    assert token == auth.invite_token(SECRET, "s1", invite)
    assert auth.read_invite(SECRET, token) == ("s1", invite)
    with pytest.raises(errors.NotFound):
        auth.read_invite(SECRET, token.replace("s1", "s2"))


@given(st.text())
def test_no_text_does_worse_than_not_being_found(text: str) -> None:
    with pytest.raises(errors.NotFound):
        auth.read_invite(SECRET, text)
