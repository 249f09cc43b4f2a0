"""Which processes make up a system, and what each of them is told."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from services.ops import keys, ports, probes
from services.ops.datadir import DataDir
from services.ops.embedded import nats, postgres
from services.ops.keys import Keys
from services.ops.part import Part
from services.ops.process import Command
from services.ops.settings import UpSettings

GATEWAY_STOP_S, OWNER_STOP_S = 3.5, 2.5  # with the servers' own, less than ten seconds in all
OWNERS = {"history", "projector"}  # of a schema
OWNER_NICENESS = 10  # log and tables catch up by themselves; who waits for an acknowledgement goes first


@dataclass(frozen=True, slots=True)
class Plan:
    """Groups in starting order: `servers` (empty if both are elsewhere), `owners` of a schema, `front`."""

    nats_url: str
    database_url: str
    servers: list[Part]
    owners: list[Part]
    front: list[Part]


def build(settings: UpSettings, data_dir: DataDir) -> Plan:
    """The plan; secrets, ports, server configuration and an empty database cluster exist afterwards. Blocks.

    Raises:
        PortInUse, UnusableAddress, BinaryMissing, UnusableAccount, InitdbFailed: with what to do about it.
    """
    for port in settings.gateway_ports:
        ports.require_free(port, settings.host)
    known, book = keys.ensure(data_dir.secrets_file), ports.PortBook(data_dir.ports_file)
    servers: list[Part] = []
    nats_url, database_url = settings.nats_url, settings.database_url
    if nats_url is None:
        port = book.assign("nats")
        servers.append(nats.part(data_dir.nats, port, nats.NatsSettings(sync_interval=settings.sync_interval)))
        nats_url = nats.url(port)
    if database_url is None:
        port = book.assign("postgres")
        durability = postgres.PostgresSettings(durable=settings.durable)
        servers.append(postgres.part(data_dir.postgres, port, known.postgres_password, durability))
        database_url = postgres.url(port, known.postgres_password)
    environment = _environment(settings, known) | {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_DATABASE_URL": database_url}
    return Plan(
        nats_url,
        database_url,
        servers,
        owners=[
            *_parts("history", settings.histories, environment | _signing(settings, known), book, OWNER_STOP_S),
            *_parts("projector", settings.projectors, environment, book, OWNER_STOP_S),
        ],
        front=[
            *_parts("llm", settings.workers, environment, book, GATEWAY_STOP_S),
            *_gateways(settings, environment),
        ],
    )


def _environment(settings: UpSettings, known: Keys) -> dict[str, str]:
    """What every service is told. A configured secret stands above the embedded one."""
    given = settings.environment
    return {
        **given,
        "ANTIPHON_SECRET": given.get("ANTIPHON_SECRET") or known.secret,
        "ANTIPHON_SERVICE_KEY": given.get("ANTIPHON_SERVICE_KEY") or known.service_key,
    }


def _signing(settings: UpSettings, known: Keys) -> dict[str, str]:
    """The embedded key for history alone, unless one is configured."""
    given = settings.environment
    if given.get("ANTIPHON_SIGNING_KEY") or given.get("ANTIPHON_SIGNING_KEY_FILE"):
        return {}
    return {"ANTIPHON_SIGNING_KEY": known.signing_key}


def _gateways(settings: UpSettings, environment: dict[str, str]) -> Iterator[Part]:
    """Each knows where a browser reaches all of them, unless that is configured."""
    reached = ",".join(f"http://*:{port}" for port in settings.gateway_ports)
    environment = {"ANTIPHON_PUBLIC_ADDRESSES": reached} | environment
    for number, port in enumerate(settings.gateway_ports, start=1):
        yield _part("gateway", number, environment, settings.host, port, GATEWAY_STOP_S)


def _parts(
    service: str, count: int, environment: dict[str, str], book: ports.PortBook, stop_s: float
) -> Iterator[Part]:
    for number in range(1, count + 1):
        yield _part(service, number, environment, "127.0.0.1", book.assign(f"{service}-{number}"), stop_s)


def _part(service: str, number: int, environment: dict[str, str], host: str, port: int, stop_s: float) -> Part:
    name, package = f"{service}-{number}", f"services.{service}"
    own = {"ANTIPHON_INSTANCE": name, "ANTIPHON_HOST": host, "ANTIPHON_PORT": str(port), "PYTHONUNBUFFERED": "1"}
    return Part(
        name=name,
        port=port,
        command=Command(
            argv=(sys.executable, "-P", "-m", package),
            env=environment | own,
            niceness=OWNER_NICENESS if service in OWNERS else 0,
        ),
        is_ready=lambda: probes.ready(port, probes.from_here(host)),
        stop_s=stop_s,
        package=package,
    )
