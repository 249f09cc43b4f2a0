"""Tokens and invitations."""

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
    "claims", [{"exp": 2**33}, {"sub": "u"}, {"sub": "", "exp": 2**33}, {"sub": "u" * 129, "exp": 2**33}]
)
def test_a_token_that_names_nobody_is_refused(claims: dict[str, object]) -> None:
    with pytest.raises(errors.Unauthorized):
        auth.verify(SECRET, jwt.encode(claims, SECRET, algorithm="HS256"))


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
