"""Who generates in a chat now: a key per chat in the bucket `leases`, with a TTL, refreshed while its holder lives.

A lease only saves money: it keeps two workers from paying for the same reply. What keeps a reply from ending twice is
the attempt in the log (`services.llm.ledger`). A work queue's own exclusivity would not do: a job is delivered again
when its holder was silent for a moment, when the server was restarted, and when a reply was enqueued twice.

nats-py's `kv.update` drops the TTL and `kv.create` fails on the marker that an expired key leaves, so keys are taken
and refreshed by publishing with the expected revision.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import nats.errors
from nats.js.errors import APIError, NoStreamResponseError

from shared import errors, ids, subjects
from shared.bus import streams
from shared.bus.connection import Bus
from shared.bus.direct import DirectReader, Stored, StreamLost
from shared.logging import get_logger
from shared.tasks import background

log = get_logger("lease")

STREAM = subjects.bucket_stream(subjects.LEASES)
TTL_S = 3
REFRESH_S = 1.0
_CONFLICT = {10071, 10164}
_TOMBSTONE = {"KV-Operation": "DEL"}


class ChatBusyError(errors.Temporary):
    """another worker answers in this chat"""


class LeaseLostError(errors.Temporary):
    """another worker has taken over this chat"""


class Leases:
    """Takes leases for one worker."""

    def __init__(self, bus: Bus, reader: DirectReader, instance: str) -> None:
        self._bus = bus
        self._reader = reader
        self._instance = instance

    async def ensure(self) -> None:
        """Afterwards the bucket exists."""
        await streams.ensure_bucket(self._bus.js, streams.LEASES_BUCKET)

    @asynccontextmanager
    async def held(self, session_id: str, chat_id: str) -> AsyncIterator[None]:
        """Inside, this is the one worker that generates in the chat. The block is cancelled if that ceases to hold.

        Raises:
            ChatBusyError: another one does.
            LeaseLostError: another one has taken over, after this process or the bus was silent for too long.
            Unavailable: the bus does not answer.
        """
        key = subjects.lease(session_id, chat_id)
        token = f"{self._instance}/{ids.uuid7()}".encode()
        revision = await self._take(key, token)
        if revision is None:
            raise ChatBusyError(chat_id)
        keeper = _Keeper(self, key, token, revision)
        try:
            async with background(keeper.run()):
                yield
        except BaseExceptionGroup as group:  # the block's own failure, or the keeper's
            raise group.exceptions[0] from None
        finally:
            await self._release(key, token)

    async def _take(self, key: str, token: bytes) -> int | None:
        try:
            last = await self._reader.head(STREAM, key)
        except StreamLost:
            await self._make_again()
            last = None
        if last is not None and last.body == token:
            return last.seq
        if last is not None and not _gone(last):
            return None
        return await self._put(key, token, last.seq if last else 0)

    async def _put(self, key: str, body: bytes, revision: int, **marks: str) -> int | None:
        headers = {subjects.HEADER_EXPECTED_LAST: str(revision)} | marks
        try:
            ack = await self._bus.js.publish(key, body, timeout=1.0, headers=headers, msg_ttl=TTL_S)
        except APIError as error:
            if error.err_code in _CONFLICT:
                return None
            raise errors.Unavailable(str(error.description)) from error
        except NoStreamResponseError:
            await self._make_again()
            raise errors.Unavailable("the leases were lost") from None
        except nats.errors.Error as error:
            raise errors.Unavailable("the lease's outcome is unknown") from error
        return ack.seq

    async def _make_again(self) -> None:
        """The bucket was lost, and with it every lease: whoever holds one takes it again."""
        try:
            await self.ensure()
        except (APIError, nats.errors.Error) as error:
            raise errors.Unavailable("the leases are lost and can't be made again yet") from error

    async def refresh(self, key: str, token: bytes, revision: int) -> int:
        """The lease's new revision; one that expired unnoticed is taken again.

        Raises:
            LeaseLostError: somebody else has it.
            Unavailable: not known; try again.
        """
        taken = await self._put(key, token, revision) or await self._take(key, token)
        if taken is None:
            raise LeaseLostError(key)
        return taken

    async def _release(self, key: str, token: bytes) -> None:
        """A refresh that was cancelled on its way may have moved the revision, so it is looked up; and again if that
        refresh arrives only then. A third time there is nothing left that could move it.
        """
        with suppress(nats.errors.Error, errors.Unavailable):  # it expires by itself
            for _ in range(2):
                last = await self._reader.head(STREAM, key)
                if last is None or last.body != token or await self._put(key, b"", last.seq, **_TOMBSTONE):
                    return


class _Keeper:
    """Refreshes one lease until it is cancelled or the lease is lost."""

    def __init__(self, leases: Leases, key: str, token: bytes, revision: int) -> None:
        self._leases = leases
        self._key = key
        self._token = token
        self.revision = revision

    async def run(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                self.revision = await self._leases.refresh(self._key, self._token, self.revision)
            except errors.Unavailable as error:
                log.warning("lease_not_refreshed", error=repr(error))


def _gone(last: Stored) -> bool:
    return not last.body or "Nats-Marker-Reason" in last.headers or "KV-Operation" in last.headers
