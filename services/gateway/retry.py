"""Refusals that say when it may be tried again."""

from shared import errors


class RetryLater(errors.TooManyRequests):
    """too many requests"""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__(f"try again in {self.seconds} s")

    @property
    def seconds(self) -> int:
        """How long to wait, in whole seconds."""
        return max(1, round(self.wait_s))
