"""Signed checkpoints: what is signed, who signed it, and that nothing in it can be changed."""

import subprocess
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from services.history import checkpoint
from services.history.chain import Anchor
from services.history.checkpoint import Unusable

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
PEM = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

numbers = st.integers(min_value=1, max_value=2**62)


@given(st.uuids(), numbers, st.binary(min_size=32, max_size=32), numbers)
def test_a_checkpoint_survives_being_written_down(epoch: object, seq: int, last: bytes, time_ns: int) -> None:
    made = checkpoint.sign(KEY, str(epoch), Anchor(seq, last), time_ns)
    read = checkpoint.from_json(orjson.dumps(checkpoint.to_json(made)))
    assert read == made
    checkpoint.check(read, PUBLIC)


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": "f"},
        {"seq": 8},
        {"hash": bytes(32)},
        {"time_ns": 4},
        {"signature": bytes(64)},
        {"public_key": Ed25519PrivateKey.generate().public_key().public_bytes_raw()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_no_field_of_it_can_be_changed(change: dict[str, object]) -> None:
    made = checkpoint.sign(KEY, "e", Anchor(7, b"h" * 32), 3)
    with pytest.raises(Unusable):
        checkpoint.check(replace(made, **change), PUBLIC)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "[]", "{}", '"seq"', "null", '{"seq": 1}', "\xff"])
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Unusable):
        checkpoint.from_json(text)


def test_keys_come_as_pem_or_in_base64() -> None:
    pem = KEY.private_bytes(*PEM).decode()
    for text in (pem, pem.replace("\n", "\\n"), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"):
        assert checkpoint.private_key(text).public_key().public_bytes_raw() == PUBLIC
    public = KEY.public_key().public_bytes(PEM[0], serialization.PublicFormat.SubjectPublicKeyInfo)
    assert checkpoint.public_key(public.decode()) == checkpoint.public_key(checkpoint.encoded(PUBLIC)) == PUBLIC


def test_other_keys_are_refused() -> None:
    other = generate_private_key(SECP256R1()).private_bytes(*PEM).decode()
    for text in (other, "", "AAEC", "-----BEGIN PRIVATE KEY-----", "none"):
        with pytest.raises(Unusable):
            checkpoint.private_key(text)
        with pytest.raises(Unusable):
            checkpoint.public_key(text)


def test_openssl_agrees(tmp_path: Path) -> None:
    made = checkpoint.sign(KEY, "e", Anchor(7, b"h" * 32), 3)
    public = KEY.public_key().public_bytes(PEM[0], serialization.PublicFormat.SubjectPublicKeyInfo)
    files = {
        "key": public,
        "signature": made.signature,
        "text": f"antiphon checkpoint 1\ne\n7\n{'68' * 32}\n3\n".encode(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    words = [
        "openssl",
        *["pkeyutl", "-verify", "-pubin", "-inkey", "key", "-rawin", "-in", "text", "-sigfile", "signature"],
    ]
    try:
        answer = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs openssl")
    assert "Verified Successfully" in answer.stdout
