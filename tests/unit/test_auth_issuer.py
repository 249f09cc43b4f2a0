"""Tokens of an issuer: by its key of that id, with that key's algorithm, and with nothing else."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from shared import auth, errors, jwks
from tests.support.issuer import Signer

SECRET = "a secret of more than thirty-two characters"
SIGNERS = [Signer.new(algorithm, algorithm.lower()) for algorithm in ("RS256", "ES256", "EdDSA")]
SET = json.dumps({"keys": [signer.public for signer in SIGNERS]}).encode()
ISSUER = auth.Issuer(jwks.parse(SET))
SECRETLY = {"kty": "oct", "kid": "hs", "k": base64.urlsafe_b64encode(SECRET.encode()).decode(), "alg": "HS256"}


def verify(token: str, issuer: auth.Issuer = ISSUER) -> auth.Identity:
    return auth.verify_any(SECRET, issuer, token)


def forged(header: dict[str, Any], key: bytes) -> str:
    """A token signed by hand with HMAC, whatever its header says."""
    parts = [header, {"sub": "mallory", "exp": 2**33}]
    text = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    mac = base64.urlsafe_b64encode(hmac.digest(key, text, hashlib.sha256)).rstrip(b"=")
    return (text + b"." + mac).decode()


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: signer.algorithm)
def test_a_token_of_the_issuers_key_is_good_and_so_is_one_of_ours(signer: Signer) -> None:
    identity = verify(signer.token("ada", role="operator"))
    assert (identity.user, identity.name, identity.operator) == ("ada", "Ada", True)
    assert verify(auth.mint(SECRET, "bob")).user == "bob"


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: signer.algorithm)
def test_a_public_key_never_verifies_a_secretly_signed_token(signer: Signer) -> None:
    pem = signer.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for key in (pem, pem.strip(), json.dumps(signer.public).encode(), b""):
        for algorithm in ("HS256", "HS512", signer.algorithm, "none", "", None, ["HS256"], {}):
            with pytest.raises(errors.Unauthorized):
                verify(forged({"alg": algorithm, "kid": signer.kid, "typ": "JWT"}, key))


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: signer.algorithm)
def test_the_key_is_the_one_that_is_named_and_its_algorithm_is_its_own(signer: Signer) -> None:
    claims = {"sub": "ada", "exp": 2**33}
    for kid in (None, "", 5, *(other.kid for other in SIGNERS if other is not signer)):
        headers = {"kid": kid} if kid is not None else {}
        with pytest.raises((errors.Unauthorized, TypeError, jwt.InvalidTokenError)) as refused:
            verify(jwt.encode(claims, signer.private, algorithm=signer.algorithm, headers=headers))
        assert not isinstance(refused.value, jwks.UnknownKey)
    impostor = Signer.new(signer.algorithm, signer.kid)
    with pytest.raises(errors.Unauthorized):
        verify(impostor.token("ada"))
    with pytest.raises(jwks.UnknownKey):
        verify(Signer(f"new-{signer.kid}", signer.algorithm, signer.private).token("ada"))


def test_no_token_is_signed_with_a_secret_from_a_public_set() -> None:
    keys = jwks.parse(json.dumps({"keys": [SECRETLY, *(signer.public for signer in SIGNERS)]}).encode())
    assert sorted(keys) == ["eddsa", "es256", "rs256"]


def test_a_key_says_more_closely_what_it_is_for() -> None:
    public = SIGNERS[0].public
    small = Signer("small", "RS256", rsa.generate_private_key(65537, 1024)).public
    passed_over = [
        {**public, "use": "enc"}, {**public, "alg": "ES256"}, {**public, "alg": 5}, {**public, "n": "!"},
        {**public, "kid": ""} | {"kid": None}, {"kty": "RSA", "kid": "x"}, {"kty": ["RSA"], "kid": "x"}, {}, 5, small,
    ]  # fmt: skip
    assert jwks.parse(json.dumps({"keys": passed_over}).encode()) == {}
    (only,) = jwks.parse(json.dumps({"keys": [{**public, "alg": "RS512"}]}).encode()).values()
    assert only.algorithms == {"RS512"}


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"keys":{}}', b'{"keys":[' + b"{}," * 100 + b"{}]}"])
def test_what_is_no_key_set_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError):
        jwks.parse(text)


def test_issuer_and_audience_must_be_what_is_set() -> None:
    strict = auth.Issuer(ISSUER.keys, "https://id.example", "antiphon")
    signer = SIGNERS[1]
    assert verify(signer.token("ada", iss="https://id.example", aud=["other", "antiphon"]), strict).user == "ada"
    for claims in (
        {},
        {"iss": "https://id.example", "aud": "other"},
        {"iss": "https://evil.example", "aud": "antiphon"},
    ):
        with pytest.raises(errors.Unauthorized):
            verify(signer.token("ada", **claims), strict)
    assert verify(signer.token("ada", aud="other"), ISSUER).user == "ada"


def test_an_expired_token_is_told_from_a_wrong_one() -> None:
    with pytest.raises(errors.TokenExpired):
        verify(SIGNERS[2].token("ada", exp=int(time.time()) - 60))
    for claims in ({"exp": float("inf")}, {"exp": "soon"}, {"sub": "\ud800"}, {"sub": ""}, {"sub": "a" * 129}):
        with pytest.raises(errors.Unauthorized):
            verify(SIGNERS[2].token(**{"user": "ada", **claims}))
    assert verify(SIGNERS[2].token("ada", name="\ud800")).name == "ada"


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode() + ".e30.e30"))
def test_no_text_does_worse_than_being_refused(token: str) -> None:
    with pytest.raises(errors.Unauthorized):
        verify(token)
