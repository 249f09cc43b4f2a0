"""Asking one model, and asking it again: after pauses that double, or as long as its provider says."""

import asyncio
from collections.abc import Callable

import stamina

from services.llm import metrics
from services.llm.failures import GenerationFailedError
from services.llm.run import Outcome, Run
from services.llm.settings import LlmSettings

MAX_PAUSE_S = 60.0
PATIENCE_S = 5.0  # a provider that wants a longer pause is not waited for while there is another model


async def ask(make_run: Callable[[], Run], settings: LlmSettings, *, is_last: bool) -> Outcome:
    """What came of it, after as many tries as make sense. `is_last`: there is no other model to ask instead.

    Raises:
        GenerationFailedError: nothing, or the provider's circuit breaker is open.
    """
    now = asyncio.get_running_loop().time
    run = make_run()
    breaker = run.candidate.breaker
    retries = stamina.retry_context(
        on=lambda error: _pause(error, is_last=is_last),
        attempts=settings.retries + 1,
        timeout=max(0.001, run.ends_at - now()),
        wait_initial=settings.retry_wait_s,
        wait_max=max(settings.retry_wait_s, MAX_PAUSE_S),
        wait_jitter=0,
    )
    failed: GenerationFailedError | None = None
    async for attempt in retries:
        with attempt:
            if not breaker.admits(now()):
                raise _final(failed or GenerationFailedError("unreachable"))
            if failed:
                metrics.RETRIED.labels(breaker.provider).inc()
                run = make_run()
            try:
                outcome = await run.outcome()
            except GenerationFailedError as failure:
                breaker.told(failure.reason, now())
                failed = failure
                raise
            except BaseException:
                breaker.untold()
                raise
            breaker.told(None, now())
            return outcome
    raise GenerationFailedError("gave_up")  # not reached: the last attempt raises


def _pause(error: Exception, *, is_last: bool) -> bool | float:
    if not isinstance(error, GenerationFailedError) or not error.again:
        return False
    wait_s = error.retry_after_s
    if wait_s is None:
        return True
    return min(wait_s, MAX_PAUSE_S) if is_last or wait_s <= PATIENCE_S else False


def _final(failure: GenerationFailedError) -> GenerationFailedError:
    failure.again = False
    return failure
