"""The secrets of an embedded system: made at the first start, readable by their owner only."""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from services.ops import errors, files


@dataclass(frozen=True, slots=True)
class Keys:
    """What signs tokens, what lets an application mint them, the password of the embedded PostgreSQL, and what signs
    checkpoints of the log (Ed25519, 32 bytes in base64; empty in what an older release made).
    """

    secret: str
    service_key: str
    postgres_password: str
    signing_key: str = ""


def ensure(path: Path) -> Keys:
    """The keys of `path`, made if there are none yet; the file has mode 0600."""
    known = read(path)
    if known is None:
        known = Keys(secrets.token_urlsafe(48), secrets.token_urlsafe(32), secrets.token_urlsafe(24))
    if not known.signing_key:
        known = replace(known, signing_key=base64.b64encode(secrets.token_bytes(32)).decode())
        files.replace(path, json.dumps(asdict(known), indent=2), mode=0o600)
    return known


def read(path: Path) -> Keys | None:
    """The keys of `path`, None if no system was ever started there."""
    try:
        return Keys(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None


def signing_secret(environment: Mapping[str, str], path: Path) -> str:
    """The secret that the system's tokens are signed with: the configured one, or the embedded one.

    Raises:
        NoSecret: neither exists.
    """
    configured = environment.get("ANTIPHON_SECRET")
    if configured:
        return configured
    known = read(path)
    if known is None:
        raise errors.NoSecret
    return known.secret


def signing_key(environment: Mapping[str, str], path: Path) -> str:
    """The key that checkpoints are signed with, as text: the configured one, or the embedded one.

    Raises:
        NoSigningKey: neither exists.
    """
    configured = environment.get("ANTIPHON_SIGNING_KEY")
    if configured:
        return configured
    named = environment.get("ANTIPHON_SIGNING_KEY_FILE")
    known = read(path)
    try:
        found = Path(named).read_text() if named else known and known.signing_key
    except OSError as error:
        raise errors.AuditFailed(reason=f"the signing key can't be read ({error.strerror})") from None
    if not found:
        raise errors.NoSigningKey
    return found
