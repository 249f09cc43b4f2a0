"""What the projector is told from outside."""

from pydantic import Field

from shared.settings import DatabaseSettings


class ProjectorSettings(DatabaseSettings):
    """Settings of one projector instance."""

    page_events: int = Field(500, ge=1, le=10_000, description="Events folded in one transaction at most")
    wait_s: float = Field(2.0, gt=0, description="How long a query waits for the position its caller has seen")
    guest_idle_days: float = Field(30, ge=0, description="Silence after which a session of guests alone is deleted")
    archive_idle_days: float = Field(365, ge=0, description="Silence after which a session is archived")
    erase_deleted_days: float = Field(90, ge=0, description="How long a deleted session can be restored; then: erased")
    housekeeping_s: float = Field(3600, gt=0, description="How often idle and deleted sessions are looked for")
