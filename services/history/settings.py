"""What history is told from outside."""

from pydantic import Field

from shared.settings import DatabaseSettings


class HistorySettings(DatabaseSettings):
    """Settings of one history instance."""

    batch_events: int = Field(1000, ge=1, le=10_000, description="Events appended in one transaction at most")
    replicas: int = Field(1, ge=1, le=5, description="Copies of EVENTS in a NATS cluster, when history makes it")
