"""What history is told from outside."""

from pydantic import Field, SecretStr

from shared.settings import DatabaseSettings


class HistorySettings(DatabaseSettings):
    """Settings of one history instance."""

    batch_events: int = Field(1000, ge=1, le=10_000, description="Events appended in one transaction at most")
    replicas: int = Field(1, ge=1, le=5, description="Copies of EVENTS in a NATS cluster, when history makes it")
    events_max_bytes: int = Field(
        68_719_476_736,
        ge=0,
        description="Bytes that EVENTS may hold, or as large a part as the server has room for; nearly full: 503",
    )
    hot_days: float = Field(
        0.0, ge=0, description="Days that EVENTS holds for direct reading; older events are in the log alone; 0: all"
    )
    signing_key: SecretStr = Field(
        SecretStr(""), description="Signs checkpoints (Ed25519): PEM, or 32 bytes in base64; empty: see the next"
    )
    signing_key_file: str = Field("", description="A file with that key; without either nothing is signed")
    checkpoint_events: int = Field(1000, ge=1, description="A checkpoint is signed after so many events")
    checkpoint_s: float = Field(60.0, gt=0, description="And after so long, if there was any event")
