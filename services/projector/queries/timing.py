"""How long queries take, by name; and what becomes of one that takes too long."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from services.projector import metrics
from shared import errors
from shared.logging import get_logger

log = get_logger("queries")

SLOW_S = 0.5  # from here on a query is worth a line for everybody to see
_TIMED_OUT = "57014"  # Source: PostgreSQL, appendix A: query_canceled


@contextmanager
def timed(name: str) -> Iterator[None]:
    """The time of the block is measured and logged.

    Raises:
        Unavailable: the database gave up after its statement timeout, or can't be reached.
    """
    began = time.perf_counter()
    outcome = "failed"
    try:
        yield
        outcome = "answered"
    except errors.Refused:
        outcome = "refused"
        raise
    except (DBAPIError, OSError, TimeoutError) as error:
        state = getattr(getattr(error, "orig", None), "sqlstate", None)
        outcome = "timed_out" if state == _TIMED_OUT else "failed"
        raise errors.Unavailable("the query took too long" if state == _TIMED_OUT else "no database") from error
    finally:
        took_s = time.perf_counter() - began
        metrics.QUERY_SECONDS.labels(name, outcome).observe(took_s)
        level = log.warning if took_s >= SLOW_S else log.debug
        level("query", name=name, outcome=outcome, took_ms=round(took_s * 1000, 1))
