"""What `antiphon up` was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.ops.probes import from_here


@dataclass(frozen=True, slots=True)
class UpSettings:
    """One system on this machine. A server whose address is given is not started here.

    `environment` is what the services inherit; `host` is where gateways listen, everything else stays on loopback.
    """

    environment: Mapping[str, str]
    data_dir: Path = Path(".antiphon")
    gateways: int = 2
    histories: int = 1
    projectors: int = 1
    workers: int = 1
    port: int = 8000
    host: str = "127.0.0.1"
    nats_url: str | None = None
    database_url: str | None = None
    sync_interval: str = "always"
    durable: bool = True
    reload: bool = False

    @property
    def gateway_ports(self) -> list[int]:
        return list(range(self.port, self.port + self.gateways))

    @property
    def addresses(self) -> list[str]:
        """Where the gateways can be reached from this machine."""
        host = from_here(self.host)
        return [f"http://{f'[{host}]' if ':' in host else host}:{port}" for port in self.gateway_ports]
