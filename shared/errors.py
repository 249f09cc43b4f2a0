"""Everything that can go wrong and that somebody is told about. The class's docstring is the sentence.

    AntiphonError
    ├── Refused                 the caller's doing; the same call will fail again
    │   ├── BadRequest          107  PermissionDenied 103  UnknownChannel 102  MethodNotFound 104
    │   ├── AlreadySubscribed   105  LimitExceeded    106  NotAvailable   108  TokenExpired   109
    │   ├── NotFound            404  Conflict 409  Gone 410  TooLarge 413  RuleBroken 422
    │   └── Unrecoverable       112
    └── Temporary               the system's doing; the same call, with the same id, may succeed
        ├── Internal            100
        ├── StaleToken          109 of a refresh: with a newer token it succeeds
        ├── TooManyRequests     111
        └── Unavailable         503

`code` is what a client sees; `retryable` is a promise: sending the same command again is safe and may work.
"""

from typing import ClassVar


class AntiphonError(Exception):
    """Something went wrong."""

    code: ClassVar[int] = 100
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str = "") -> None:
        self.detail = detail
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """The class's first docstring line, with the detail behind it."""
        first = (type(self).__doc__ or type(self).__name__).strip().splitlines()[0].rstrip(".")
        return f"{first}: {self.detail}" if self.detail else first


class Refused(AntiphonError):
    """The command was refused."""

    code = 422


class BadRequest(Refused):
    """bad request"""

    code = 107


class Unauthorized(Refused):
    """unauthorized"""

    code = 101


class UnknownChannel(Refused):
    """unknown channel"""

    code = 102


class PermissionDenied(Refused):
    """permission denied"""

    code = 103


class MethodNotFound(Refused):
    """method not found"""

    code = 104


class AlreadySubscribed(Refused):
    """already subscribed"""

    code = 105


class LimitExceeded(Refused):
    """limit exceeded"""

    code = 106


class NotAvailable(Refused):
    """not available"""

    code = 108


class TokenExpired(Refused):
    """token expired"""

    code = 109


class Unrecoverable(Refused):
    """unrecoverable position"""

    code = 112


class NotFound(Refused):
    """not found"""

    code = 404


class Conflict(Refused):
    """conflict"""

    code = 409


class Gone(Refused):
    """gone"""

    code = 410


class TooLarge(Refused):
    """too large"""

    code = 413


class RuleBroken(Refused):
    """refused by a rule"""

    code = 422


class Temporary(AntiphonError):
    """The system can't do this now."""

    retryable = True


class Internal(Temporary):
    """internal error"""

    code = 100


class StaleToken(Temporary):
    """token expired, a newer one is needed"""

    code = 109


class TooManyRequests(Temporary):
    """too many requests"""

    code = 111


class Unavailable(Temporary):
    """unavailable, send the same id again"""

    code = 503


BY_CODE: dict[int, type[AntiphonError]] = {
    error.code: error
    for error in (
        BadRequest, Unauthorized, UnknownChannel, PermissionDenied, MethodNotFound, AlreadySubscribed, LimitExceeded,
        NotAvailable, TokenExpired, Unrecoverable, NotFound, Conflict, Gone, TooLarge, RuleBroken,
        Internal, TooManyRequests, Unavailable,
    )
}  # fmt: skip
