"""What `antiphon doctor` looks at. A check never raises: it finds."""

from services.ops.checks.finding import Finding, Subject
from services.ops.checks.run import examine

__all__ = ["Finding", "Subject", "examine"]
