"""Reading EVENTS and DELTAS by position: direct batch get, and the leader's word on a session's head.

Source: NATS ADR-31 (direct get), batch requests. nats-py has no call for batches, so the requests are made here.
"""

import asyncio
import re
from base64 import b64decode
from typing import NamedTuple

import nats.errors
import orjson
from nats.aio.subscription import Subscription

from shared import errors, subjects
from shared.bus.client import NO_RESPONDERS, QuickClient, header, parsed
from shared.bus.connection import unsubscribe

BATCH = 1000
BATCH_BYTES = 1024 * 1024  # about: the server stops once an answer has so many
CONCURRENT = 8  # reads at a time: more would come too late all together, or have the server drop this connection
TIMEOUT_S = 2.0
END = {b"204", b"404"}  # the batch is whole; there was nothing
_STATUS = b"NATS/1.0 "
_PLACE = re.compile(  # as the server writes them; the last is that of the message before in this answer
    rb"\r\nNats-Subject: ([^\r]*)\r\nNats-Sequence: (\d+)\r\nNats-Time-Stamp: [^\r]*\r\nNats-Num-Pending: \d+\r\n"
    rb"Nats-Last-Sequence: (\d+)\r\n"
)
NO_MESSAGE = 10037  # JetStream API: no message found
NO_STREAM = 10059  # JetStream API: stream not found


class StreamLost(errors.Unavailable):
    """there is no such stream"""


class Stored(NamedTuple):
    """A message as the stream holds it. `time_ns` is the stream's own time, Unix nanoseconds."""

    seq: int
    subject: str
    body: bytes
    raw_headers: bytes = b""

    @property
    def headers(self) -> dict[str, str]:
        """What travelled with it, the stream's own headers among it."""
        return parsed(self.raw_headers)


class DirectReader:
    """Reads over one standing inbox: no subscription per request."""

    def __init__(self, client: QuickClient) -> None:
        self._client = client
        self._count = 0
        self._waiting: dict[bytes, tuple[list[Stored], asyncio.Future[bytes]]] = {}
        self._prefix = ""
        self._subject = (b"", "")  # of the message before: most come in rows
        self._subscription: Subscription | None = None
        self._turn = asyncio.Semaphore(CONCURRENT)

    async def start(self) -> None:
        """Afterwards requests can be made; the subscription survives reconnects."""
        self._prefix = self._client.new_inbox()
        self._subscription = await self._client.listen(self._prefix + ".*", self._on_message)

    async def stop(self) -> None:
        """Nothing is asked any more. For who reads once; others keep theirs as long as the connection."""
        if self._subscription is not None:
            await unsubscribe([self._subscription])

    def _on_message(self, subject: bytes, _reply: bytes, headers: bytes, body: bytes) -> None:
        entry = self._waiting.get(subject.rsplit(b".", 1)[1])
        if entry is None:
            return
        batch, done = entry
        place = None if (is_end := headers.startswith(_STATUS)) else _PLACE.search(headers)
        if place is None and not is_end:
            raise ValueError("a message without its place")
        before = place[3] if place else header(headers, b"Nats-Last-Sequence")
        if before and int(before) != (batch[-1].seq if batch else 0):  # a reconnect in the middle leaves a hole
            if not done.done():
                done.set_exception(errors.Unavailable("a part of the answer was lost"))
        elif place is None:
            if not done.done():
                done.set_result(headers)
        else:
            if place[1] != self._subject[0]:
                self._subject = place[1], place[1].decode()
            batch.append(Stored(int(place[2]), self._subject[1], body, headers))

    async def _request(self, stream: str, request: dict[str, object]) -> list[Stored]:
        self._count += 1
        token = b"%d" % self._count
        done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        batch: list[Stored] = []
        self._waiting[token] = (batch, done)
        try:
            self._client.put(f"$JS.API.DIRECT.GET.{stream}", orjson.dumps(request), f"{self._prefix}.{self._count}")
            status = await asyncio.wait_for(done, TIMEOUT_S)
        except TimeoutError:
            raise errors.Unavailable(f"{stream} does not answer") from None
        except nats.errors.Error as error:
            raise errors.Unavailable(f"{stream} can't be asked") from error
        finally:
            self._waiting.pop(token, None)
        line = status[len(_STATUS) :].split(b"\r\n", 1)[0]
        if line[:3] not in END:  # 503 nobody serves the stream, 408 bad request, 413 too many subjects
            raise errors.Unavailable(f"{stream}: {line.decode(errors='replace')}".rstrip())
        return batch

    async def after(self, stream: str, subject: str, seq: int, limit: int = BATCH) -> list[Stored]:
        """Up to `limit` messages of `subject` with a higher seq, in order; fewer if they are large, none only if there
        are none. Any replica may answer, so even that proves nothing: compare with `head`.

        Raises:
            Unavailable: nobody answered, or not with an end.
        """
        request = {"seq": seq + 1, "batch": limit, "max_bytes": BATCH_BYTES, "next_by_subj": subject}
        async with self._turn:
            return await self._request(stream, request)

    async def heads(self, stream: str, subject_list: list[str]) -> dict[str, int]:
        """The newest seq of each subject that has one; one request for up to 1,000 subjects."""
        batch = await self._request(stream, {"multi_last": subject_list})
        return {stored.subject: stored.seq for stored in batch}

    async def head(self, stream: str, subject: str) -> Stored | None:
        """The newest message of `subject`, by the leader's word.

        Raises:
            StreamLost: there is no such stream.
            Unavailable: nobody answered.
        """
        return await self._get(stream, {"last_by_subj": subject})

    async def at(self, stream: str, seq: int) -> Stored | None:
        """The message at `seq`, by the leader's word."""
        return await self._get(stream, {"seq": seq})

    async def _get(self, stream: str, request: dict[str, object]) -> Stored | None:
        try:
            status, reply = await self._client.call(
                f"$JS.API.STREAM.MSG.GET.{stream}", orjson.dumps(request), TIMEOUT_S
            )
        except (nats.errors.Error, TimeoutError) as error:
            raise errors.Unavailable(f"{stream} does not answer") from error
        if status.startswith(NO_RESPONDERS):
            raise errors.Unavailable(f"{stream} does not answer")
        answer = orjson.loads(reply)
        if "error" in answer:
            if answer["error"].get("err_code") == NO_MESSAGE:
                return None
            if answer["error"].get("err_code") == NO_STREAM:
                raise StreamLost(f"{stream}: stream not found")
            raise errors.Unavailable(str(answer["error"].get("description", "JetStream error")))
        message = answer["message"]
        headers, body = b64decode(message.get("hdrs", "")), b64decode(message.get("data", ""))
        return Stored(int(message["seq"]), str(message["subject"]), body, headers)


async def read_session(reader: DirectReader, session_id: str, after_seq: int) -> list[Stored]:
    """Every event of the session after `after_seq` up to the leader's head, whole and in order.

    Raises:
        Unavailable: the stream does not answer, or its replicas stay behind the head.
    """
    subject = subjects.event(session_id)
    head = await reader.head(subjects.EVENTS, subject)
    found: list[Stored] = []
    last = after_seq
    target = head.seq if head else 0
    misses = 0
    while last < target:
        batch = await reader.after(subjects.EVENTS, subject, last)
        found += batch
        if batch:
            last = batch[-1].seq
        elif (misses := misses + 1) > 20:
            raise errors.Unavailable("replicas are behind")
        else:
            await asyncio.sleep(0.05)  # a replica that lags catches up by itself; there is no notice of it
    return found
