"""Why a generation failed: a reason for programs, words for the person who waits, and whether to try again.

A provider's own words are not passed on: they may hold keys, addresses or parts of the conversation.
"""

from collections.abc import Sequence

from pydantic_ai import exceptions as ai

from shared import errors
from shared.events.replies import FailReason

WORDS: dict[FailReason, str] = {
    "rate_limited": "The model's provider is taking no more requests at the moment. Please try again in a while.",
    "refused": "The model's provider refused to answer this.",
    "too_long": "The conversation is too long for this model.",
    "unreachable": "The model's provider can't be reached. Please try again in a while.",
    "timeout": "The model took too long to answer. Please try again.",
    "bad_configuration": "The model is not set up correctly. Whoever runs this server has to look at its settings.",
    "provider_error": "The model's provider had a fault of its own. Please try again.",
    "invalid_plan": "The model's plan can't be used, although it was asked to mend it. Please try again, or discuss "
    "the plan a little more before.",
    "quota_exceeded": "You have used what you may use in a day. Please come back tomorrow.",
    "gave_up": "The answer could not be written, although it was tried several times. Please ask again.",
}


class GenerationFailedError(errors.AntiphonError):
    """no answer came of it"""

    def __init__(
        self, reason: FailReason, message: str = "", *, again: bool = False, retry_after_s: float | None = None
    ) -> None:
        self.reason: FailReason = reason
        self.message = message or WORDS[reason]
        self.again = again
        self.retry_after_s = retry_after_s
        super().__init__(reason)


# The first class that fits decides: (class, reason, whether another try may work).
_TABLE: Sequence[tuple[type[BaseException], FailReason, bool]] = (
    (TimeoutError, "timeout", True),
    (ai.ModelRateLimitError, "rate_limited", True),
    (ai.ModelQuotaExceededError, "rate_limited", False),
    (ai.ModelAuthenticationError, "bad_configuration", False),
    (ai.ModelNotFoundError, "bad_configuration", False),
    (ai.ModelContextWindowExceededError, "too_long", False),
    (ai.ContentFilterError, "refused", False),
    (ai.ModelRequestRejectedError, "refused", False),
    (ai.ModelTimeoutError, "timeout", True),
    (ai.ModelRequestTimeout, "timeout", True),
    (ai.ModelConnectionError, "unreachable", True),
    (ai.ModelUnavailableError, "provider_error", True),
    (ai.ModelAPIError, "provider_error", True),
    (ai.UsageLimitExceeded, "provider_error", False),  # it called tools for ever, and would again
    (ai.UserError, "bad_configuration", False),
    (Exception, "provider_error", True),
)


def understand(error: Exception) -> GenerationFailedError:
    """The failure as it is told and recorded."""
    if isinstance(error, GenerationFailedError):
        return error
    status = error.status_code if isinstance(error, ai.ModelHTTPError) else None
    if status in {401, 403, 404}:
        return GenerationFailedError("bad_configuration")
    reason, again = next((reason, again) for kind, reason, again in _TABLE if isinstance(error, kind))
    retry_after_s = error.retry_after if isinstance(error, ai.ModelAPIError) else None
    return GenerationFailedError(reason, again=again, retry_after_s=retry_after_s)


def is_about_tools(error: Exception) -> bool:
    """Whether a model was asked with tools and does not take any, as many small ones of one's own don't."""
    if not isinstance(error, ai.ModelHTTPError) or error.status_code not in {400, 422}:
        return False
    return "tool" in str(error.body).casefold()
