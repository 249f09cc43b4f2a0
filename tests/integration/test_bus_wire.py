"""The connection to the server itself: under TLS, to a server that says half a thing, to one that does not read."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import ParseResult, urlparse

import nats.errors
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.bus.client import QuickClient
from shared.bus.parser import Cutter, Handler
from shared.bus.wire import CLOSE_S, Wire
from tests.support.eventually import eventually
from tests.support.servers import NatsServer


@asynccontextmanager
async def server(first: bytes = b"", *, then_close: bool = False) -> AsyncIterator[tuple[ParseResult, asyncio.Event]]:
    """A server that says `first`, and reads only once the event is set."""
    may_read = asyncio.Event()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        if not then_close:
            await may_read.wait()
            await reader.read(-1)
        writer.close()

    listening = await asyncio.start_server(served, "127.0.0.1", 0, limit=1024)
    async with listening:
        yield urlparse(f"nats://127.0.0.1:{listening.sockets[0].getsockname()[1]}"), may_read


def hand(handler: Handler, *message: bytes) -> None:
    handler(*message)


def wire() -> Wire:
    return Wire(lambda: Cutter({}, lambda *_: None))


async def crammed(uri: ParseResult) -> Wire:
    """A connection to a server that has been written more than it has read."""
    made = wire()
    await made.connect(uri, 0, 5)
    while made.is_writable:
        made.write(b"x" * 65_536)
    return made


async def test_a_line_that_is_cut_off_is_the_end() -> None:
    async with server(b"INFO {}\r\nPO", then_close=True) as (uri, _):
        made = wire()
        await made.connect(uri, 0, 5)
        assert [await made.readline(), await made.readline(), await made.readline()] == [b"INFO {}\r\n", b"PO", b""]
        assert made.at_eof()
        with pytest.raises(ConnectionResetError):
            made.writelines([b"PING\r\n"])


async def test_of_a_connection_that_was_given_up_nothing_is_heard() -> None:
    heard: list[bytes] = []
    said = asyncio.Event()

    async def served(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await said.wait()
        writer.write(b"MSG a 7 2\r\nhi\r\n")

    listening = await asyncio.start_server(served, "127.0.0.1", 0)
    uri = urlparse(f"nats://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    made = Wire(lambda: Cutter({7: lambda _subject, _reply, _headers, body: heard.append(body)}, hand))
    async with listening:
        await made.connect(uri, 0, 5)
        given_up = asyncio.create_task(made.read(0))
        await asyncio.wait([given_up], timeout=0.01)
        await made.connect(uri, 0, 5)
        reading = asyncio.create_task(made.read(0))
        await asyncio.wait([given_up], timeout=5)
        assert given_up.cancelled(), "who read it does not go on with the next"
        said.set()
        await eventually(lambda: bool(heard))
        reading.cancel()
        made.close()
        await made.wait_closed()
    assert heard == [b"hi"]


async def test_what_was_said_before_tls_is_forgotten(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    secured = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secured.load_cert_chain(pem)

    async def served(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"INFO {}\r\nPONG\r\n")
        await writer.start_tls(secured)
        writer.write(b"secret\r\n")

    listening = await asyncio.start_server(served, "127.0.0.1", 0)
    async with listening:
        made = wire()
        await made.connect(urlparse(f"nats://127.0.0.1:{listening.sockets[0].getsockname()[1]}"), 0, 5)
        assert await made.readline() == b"INFO {}\r\n"
        await made.connect_tls("localhost", ssl.create_default_context(cafile=str(pem)), 0, 5)
        assert await made.readline() == b"secret\r\n"
        made.close()
        await made.wait_closed()


async def test_a_server_that_does_not_read_does_not_hold_up_the_end() -> None:
    async with server() as (uri, _):
        made = await crammed(uri)
        made.close()
        await asyncio.wait_for(made.wait_closed(), CLOSE_S + 5)
        assert made.has_ended


async def test_who_writes_waits_for_a_server_that_does_not_read() -> None:
    async with server() as (uri, may_read):
        made = await crammed(uri)
        draining = asyncio.create_task(made.drain())
        await asyncio.wait([draining], timeout=0.05)
        assert not draining.done()
        may_read.set()
        await asyncio.wait_for(draining, 5)
        made.close()
        await asyncio.wait_for(made.wait_closed(), 5)
        assert made.has_ended


async def test_what_waits_for_a_server_that_does_not_read_is_bounded(nats_server: NatsServer) -> None:
    heard: list[bytes] = []
    client, listener, piece, bound = QuickClient(), QuickClient(), 900_000, 2 * 1024 * 1024
    await listener.connect(nats_server.url)
    await listener.listen("a.b", lambda _subject, _reply, _headers, body: heard.append(body[:6]))
    await listener.flush()
    await client.connect(nats_server.url, pending_size=bound)
    accepted = 0

    def is_refused() -> bool:
        nonlocal accepted
        try:
            client.put("a.b", b"%06d" % accepted + b"x" * piece)
        except nats.errors.OutboundBufferLimitError:
            return True
        accepted += 1
        return False

    async with nats_server.frozen():
        await eventually(is_refused)
        assert client.is_connected, "it does not know yet"
        assert client.pending_data_size <= bound + piece
    await client.flush()
    client.put("a.b", b"%06d" % accepted)
    await eventually(lambda: len(heard) > accepted)
    assert heard == [b"%06d" % number for number in range(accepted + 1)]
    await client.close()
    await listener.close()


def certificate(directory: Path) -> Path:
    """A certificate for 127.0.0.1, signed by itself, and its key behind it in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = directory / "server.pem"
    path.write_bytes(made.public_bytes(pem) + secret)
    return path


async def test_messages_travel_under_tls(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    guarded = NatsServer(tmp_path)
    config = Path(guarded.part.command.argv[-1])
    config.write_text(f'{config.read_text()}tls {{ cert_file: "{pem}", key_file: "{pem}" }}\n')
    guarded.launch()
    client = QuickClient()

    def answer(_subject: bytes, reply: bytes, _headers: bytes, body: bytes) -> None:
        client.put(reply.decode(), body[::-1])

    try:
        await guarded.ready()
        context = ssl.create_default_context(cafile=str(pem))
        await client.connect(guarded.url, tls=context, tls_hostname="localhost")
        await client.start_calls()
        await client.listen("a.b", answer)
        assert await client.call("a.b", b"a" + b"x" * 100_000, 5) == (b"", b"x" * 100_000 + b"a")
    finally:
        await client.close()
        guarded.stop()
