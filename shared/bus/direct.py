"""Reading EVENTS and DELTAS by position: direct batch get, and the leader's word on a session's head.

Source: NATS ADR-31 (direct get), batch requests. nats-py has no call for batches, so the requests are made here.
"""

import asyncio
from base64 import b64decode
from dataclasses import dataclass

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from shared import errors, subjects
from shared.bus.connection import unsubscribe

BATCH = 500
BATCH_BYTES = 1024 * 1024  # about: the server stops once an answer has so many
CONCURRENT = 8  # reads at a time: more would come too late all together, or have the server drop this connection
TIMEOUT_S = 2.0
END = {"204", "404"}  # the batch is whole; there was nothing
NO_MESSAGE = 10037  # JetStream API: no message found


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the stream holds it. `time_ns` is the stream's own time, Unix nanoseconds."""

    seq: int
    subject: str
    body: bytes
    headers: dict[str, str]


class DirectReader:
    """Reads over one standing inbox: no subscription per request."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._count = 0
        self._waiting: dict[str, tuple[list[Msg], asyncio.Future[dict[str, str]]]] = {}
        self._prefix = ""
        self._subscription: Subscription | None = None
        self._turn = asyncio.Semaphore(CONCURRENT)

    async def start(self) -> None:
        """Afterwards requests can be made; the subscription survives reconnects."""
        self._prefix = self._client.new_inbox()
        self._subscription = await self._client.subscribe(self._prefix + ".*", cb=self._on_message)

    async def stop(self) -> None:
        """Nothing is asked any more. For who reads once; others keep theirs as long as the connection."""
        if self._subscription is not None:
            await unsubscribe([self._subscription])

    async def _on_message(self, message: Msg) -> None:
        entry = self._waiting.get(message.subject.rsplit(".", 1)[1])
        if entry is None:
            return
        batch, done = entry
        headers = message.headers or {}
        if "Status" in headers:
            if not done.done():
                done.set_result(dict(headers))
        else:
            batch.append(message)

    async def _request(self, stream: str, request: dict[str, object]) -> list[Msg]:
        self._count += 1
        token = str(self._count)
        done: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        batch: list[Msg] = []
        self._waiting[token] = (batch, done)
        try:
            await self._client.publish(
                f"$JS.API.DIRECT.GET.{stream}", orjson.dumps(request), reply=f"{self._prefix}.{token}"
            )
            status = await asyncio.wait_for(done, TIMEOUT_S)
        except TimeoutError:
            raise errors.Unavailable(f"{stream} does not answer") from None
        finally:
            self._waiting.pop(token, None)
        if status["Status"] not in END:  # 503 nobody serves the stream, 408 bad request, 413 too many subjects
            raise errors.Unavailable(f"{stream}: {status['Status']} {status.get('Description', '')}".rstrip())
        return batch

    async def after(self, stream: str, subject: str, seq: int, limit: int = BATCH) -> list[Stored]:
        """Up to `limit` messages of `subject` with a higher seq, in order; fewer if they are large, none only if there
        are none. Any replica may answer, so even that proves nothing: compare with `head`.

        Raises:
            Unavailable: nobody answered, or not with an end.
        """
        request = {"seq": seq + 1, "batch": limit, "max_bytes": BATCH_BYTES, "next_by_subj": subject}
        async with self._turn:
            batch = await self._request(stream, request)
        return [_stored(message) for message in batch]

    async def heads(self, stream: str, subject_list: list[str]) -> dict[str, int]:
        """The newest seq of each subject that has one; one request for up to 1,000 subjects."""
        batch = await self._request(stream, {"multi_last": subject_list})
        return {stored.subject: stored.seq for stored in map(_stored, batch)}

    async def head(self, stream: str, subject: str) -> Stored | None:
        """The newest message of `subject`, by the leader's word."""
        return await self._get(stream, {"last_by_subj": subject})

    async def at(self, stream: str, seq: int) -> Stored | None:
        """The message at `seq`, by the leader's word."""
        return await self._get(stream, {"seq": seq})

    async def _get(self, stream: str, request: dict[str, object]) -> Stored | None:
        try:
            reply = await self._client.request(
                f"$JS.API.STREAM.MSG.GET.{stream}", orjson.dumps(request), timeout=TIMEOUT_S
            )
        except Exception as error:
            raise errors.Unavailable(f"{stream} does not answer") from error
        answer = orjson.loads(reply.data)
        if "error" in answer:
            if answer["error"].get("err_code") == NO_MESSAGE:
                return None
            raise errors.Unavailable(str(answer["error"].get("description", "JetStream error")))
        message = answer["message"]
        headers = _parse_headers(b64decode(message["hdrs"])) if message.get("hdrs") else {}
        body = b64decode(message.get("data", ""))
        return Stored(int(message["seq"]), str(message["subject"]), body, headers)


def _stored(message: Msg) -> Stored:
    headers = message.headers or {}
    return Stored(int(headers["Nats-Sequence"]), headers["Nats-Subject"], message.data, dict(headers))


def _parse_headers(raw: bytes) -> dict[str, str]:
    lines = raw.decode().split("\r\n")[1:]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines if ":" in line)}


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
