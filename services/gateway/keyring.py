"""The issuer's keys as this gateway knows them: fetched at the start, now and then, and when a token names a new one.

A fetch that fails changes nothing: tokens of known keys are good while the issuer is away. Who sends tokens with
made-up key ids causes one fetch in `pause_s` at most.
"""

import asyncio
import urllib.request

from shared import errors, jwks
from shared.logging import get_logger

log = get_logger("keyring")

FETCH_S = 5.0
MAX_BYTES = 256 * 1024
RETRY_S = 5.0


class Keyring:
    """`keys` is replaced as a whole. Without an address there are none, and none are looked for."""

    def __init__(self, url: str, refresh_s: float, pause_s: float) -> None:
        self.keys: jwks.Keys = {}
        self.fault = "not fetched yet" if url else ""
        self._url = url
        self._refresh_s = refresh_s
        self._pause_s = pause_s
        self._fetched_at: float | None = None  # when the last fetch began, whatever came of it
        self._fetching: asyncio.Task[None] | None = None

    @property
    def is_used(self) -> bool:
        """Whether there is an issuer."""
        return bool(self._url)

    async def run(self) -> None:
        """Fetches now and then, until cancelled."""
        while self._url:
            await self._fetch_shared()
            await asyncio.sleep(min(RETRY_S, self._refresh_s) if self.fault else self._refresh_s)

    async def look_again(self) -> None:
        """Afterwards the keys are the issuer's as of now.

        Raises:
            Unavailable: they can't be fetched, or were a moment ago: whether the key exists can't be told now.
        """
        now_s = asyncio.get_running_loop().time()
        if self._fetching is None and self._fetched_at is not None and now_s - self._fetched_at < self._pause_s:
            raise errors.Unavailable("the key of this token is not known yet")
        await self._fetch_shared()
        if self.fault:
            raise errors.Unavailable("the keys of the token's issuer can't be fetched")

    async def _fetch_shared(self) -> None:
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        self._fetched_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(FETCH_S):
                self.keys = jwks.parse(await asyncio.to_thread(_read, self._url))
            self.fault = ""
        except Exception as error:  # noqa: BLE001 - whatever the issuer does, its known keys stay good
            self.fault = f"{type(error).__name__}: {error}"[:300]
            log.warning("jwks_not_fetched", error=self.fault, known_keys=len(self.keys))
        else:
            log.info("jwks_fetched", keys=sorted(self.keys))
        finally:
            self._fetching = None


def _read(url: str) -> bytes:
    """The document. Blocks: for a thread."""
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - settings allow HTTP only
    with urllib.request.urlopen(request, timeout=FETCH_S) as response:  # noqa: S310
        text: bytes = response.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    return text
