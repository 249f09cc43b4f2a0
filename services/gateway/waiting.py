"""Who waits for a position."""

import asyncio

from shared import errors


class Waiting:
    """Futures by the position they wait for."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, asyncio.Future[None]]] = []

    def __bool__(self) -> bool:
        return bool(self._entries)

    async def until(self, seq: int, timeout_s: float) -> None:
        """Returns once `reached` was told of `seq`.

        Raises:
            Unavailable: not within `timeout_s`, or `fail` was called.
        """
        entry = (seq, asyncio.get_running_loop().create_future())
        self._entries.append(entry)
        try:
            await asyncio.wait_for(entry[1], timeout_s)
        except TimeoutError:
            raise errors.Unavailable("the session can't be read") from None
        finally:
            if entry in self._entries:
                self._entries.remove(entry)

    def reached(self, seq: int) -> None:
        """Wakes whoever waits for `seq` or less."""
        for wanted, future in self._entries:
            if wanted <= seq and not future.done():
                future.set_result(None)

    def fail(self, error: errors.AntiphonError) -> None:
        """Everybody who waits gets the error."""
        entries, self._entries = self._entries, []
        for _, future in entries:
            if not future.done():
                future.set_exception(error)
