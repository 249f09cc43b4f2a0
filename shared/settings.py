"""What every service is told from outside. Read once, in `__main__`, from the environment; the unit is in the name."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _spoken(addresses: str) -> str:
    for address in addresses.split(","):
        if "://" in address and not address.strip().startswith(("nats://", "tls://")):
            raise ValueError("NATS is spoken to at nats:// and tls:// addresses alone")
    return addresses


class ServiceSettings(BaseSettings):
    """What all services have in common. A service's own settings extend it; one table in docs lists them all."""

    model_config = SettingsConfigDict(env_prefix="ANTIPHON_", frozen=True, extra="ignore")

    nats_url: Annotated[str, AfterValidator(_spoken)] = Field(
        "nats://127.0.0.1:4222", description="NATS servers, `nats://` or `tls://`, comma-separated"
    )
    instance: str = Field("", description="Name on the bus and in logs; made from service, host and pid if empty")
    host: str = Field("127.0.0.1", description="Address the HTTP port listens on")
    port: int = Field(0, ge=0, le=65535, description="HTTP port; 0 takes a free one")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe line logged")
    log_format: Literal["json", "console"] = Field("json", description="One JSON object a line, or text for people")
    otlp_endpoint: str | None = Field(
        None,
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="Where spans go (OTLP, HTTP); nowhere if unset",
    )


class DatabaseSettings(ServiceSettings):
    """For the services that own a schema."""

    database_url: str = Field(
        "postgresql://postgres@127.0.0.1:5432/antiphon", description="PostgreSQL, as postgresql://user:password@host/db"
    )
    pool_size: int = Field(20, ge=1, description="Connections for queries kept open")
    pool_overflow: int = Field(10, ge=0, description="Connections above that, for bursts")
    pool_recycle_s: float = Field(3600.0, gt=0, description="A connection older than this is replaced by a new one")
    statement_timeout_s: float = Field(5.0, gt=0, description="A query longer than this is given up")
