"""`docs/configuration.md`: every environment variable of every service, from the settings classes themselves."""

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from services.gateway.settings import GatewaySettings
from services.history.settings import HistorySettings
from services.llm.settings import LlmSettings
from services.projector.settings import ProjectorSettings
from shared.settings import DatabaseSettings, ServiceSettings

_SERVICES: dict[str, type[ServiceSettings]] = {
    "gateway": GatewaySettings,
    "history": HistorySettings,
    "projector": ProjectorSettings,
    "llm": LlmSettings,
}
_HEAD = """# Configuration

<!-- made from the services' settings by `make docs`; a test keeps it fresh -->

Each service is told everything by environment variables and starts alone with `python -m services.<name>`.
`antiphon up` passes its own environment, and what is in `.env`, on to all of them. Durations and sizes carry their unit
in the name; a limit of 0 is lifted.

| variable | services | default | what it is |
|---|---|---|---|
"""

_UP = """
## What `antiphon up` reads itself

| variable | default | what it is |
|---|---|---|
| `ANTIPHON_NATS_URL` | | Your own NATS servers; then none is embedded |
| `ANTIPHON_DATABASE_URL` | | Your own PostgreSQL; then none is embedded |
| `ANTIPHON_DATA_DIR` | `.antiphon` | Where the embedded servers, secrets, logs and the state of `ps` live |
| `ANTIPHON_NATS_SYNC_INTERVAL` | `always` | When the embedded NATS syncs to disk: at each write, or an interval |
| `ANTIPHON_POSTGRES_DURABLE` | `on` | Whether the embedded PostgreSQL syncs to disk at each commit |

`up` gives each service its instance name, its port, the servers' addresses and the secrets; what is set in the
environment or in `.env` wins.
"""


def configuration_page() -> str:
    """The page as Markdown: one table, shared settings first."""
    rows: dict[str, tuple[list[str], FieldInfo]] = {}
    for service, settings in _SERVICES.items():
        for name, info in settings.model_fields.items():
            rows.setdefault(_variable(settings, name, info), ([], info))[0].append(service)
    common = [*ServiceSettings.model_fields, *DatabaseSettings.model_fields]
    order = {f"ANTIPHON_{name.upper()}": position for position, name in enumerate(common)}
    lines = [_row(variable, *rows[variable]) for variable in sorted(rows, key=lambda v: (order.get(v, 999), v))]
    return _HEAD + "\n".join(lines) + "\n" + _UP


def _variable(settings: type[ServiceSettings], name: str, info: FieldInfo) -> str:
    if isinstance(info.validation_alias, str):
        return info.validation_alias
    return f"{settings.model_config.get('env_prefix', '')}{name}".upper()


def _row(variable: str, services: list[str], info: FieldInfo) -> str:
    who = "all" if len(services) == len(_SERVICES) else ", ".join(services)
    value = info.default.get_secret_value() if isinstance(info.default, SecretStr) else info.default
    default = "required" if info.is_required() else ("" if value in (None, "") else f"`{value}`")
    return f"| `{variable}` | {who} | {default} | {info.description or ''} |"
