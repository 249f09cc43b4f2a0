"""What the projector is told from outside."""

from pydantic import Field

from shared.settings import DatabaseSettings


class ProjectorSettings(DatabaseSettings):
    """Settings of one projector instance."""

    page_events: int = Field(500, ge=1, le=10_000, description="Events folded in one transaction at most")
    wait_s: float = Field(2.0, gt=0, description="How long a query waits for the position its caller has seen")
