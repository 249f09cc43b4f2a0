"""Input of one socket: in order, whole, in pieces, and with rests after pieces that took long."""

import asyncio
import time

import pytest

from services.gateway import inflow
from services.gateway.inflow import Inflow
from tests.support.eventually import eventually

SLOW = b"x" * (inflow.SMALL_BYTES + 1)


class Transport(asyncio.Transport):
    """Says whether it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = True
        self.aborted = False

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def abort(self) -> None:
        self.aborted = True


async def test_a_small_message_is_taken_in_at_once() -> None:
    taken: list[bytes] = []
    transport = Transport()
    Inflow(transport, taken.append).came(b"hello")
    assert (taken, transport.is_read) == ([b"hello"], True)


async def test_much_is_taken_in_piece_by_piece_in_order_and_nothing_is_read_meanwhile() -> None:
    taken: list[bytes] = []
    transport = Transport()
    data = bytes(range(256)) * 300
    incoming = Inflow(transport, taken.append)
    incoming.came(data)
    incoming.came(b"and more")
    assert (len(taken), transport.is_read) == (1, False)
    await eventually(lambda: transport.is_read)
    assert b"".join(taken) == data + b"and more"
    assert max(map(len, taken)) == inflow.PIECE_BYTES


async def test_a_piece_that_took_long_is_followed_by_a_rest_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((0.0, 0.05))
    monkeypatch.setattr(inflow.time, "thread_time", lambda: next(clock))
    taken: list[bytes] = []
    transport = Transport()
    incoming = Inflow(transport, taken.append)
    began_at = time.monotonic()
    incoming.came(SLOW)
    incoming.came(b"next")
    assert (taken, transport.is_read) == ([SLOW], False)
    await eventually(lambda: transport.is_read)
    assert taken == [SLOW, b"next"]
    assert time.monotonic() - began_at >= 0.05 * inflow.REST * 0.9


async def test_no_rest_is_so_long_that_a_pong_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((0.0, 60.0))
    monkeypatch.setattr(inflow.time, "thread_time", lambda: next(clock))
    taken: list[bytes] = []
    transport = Transport()
    incoming = Inflow(transport, taken.append)
    incoming.came(SLOW)
    incoming.came(b"pong")
    await eventually(lambda: transport.is_read, timeout_s=2)
    assert taken == [SLOW, b"pong"]


async def test_what_is_held_waits_and_comes_afterwards() -> None:
    taken: list[bytes] = []
    transport = Transport()
    incoming = Inflow(transport, taken.append)
    incoming.hold()
    incoming.came(b"one")
    assert (taken, transport.is_read) == ([], False)
    incoming.go_on()
    await eventually(lambda: transport.is_read)
    assert taken == [b"one"]


async def test_after_the_end_nothing_is_taken_in() -> None:
    taken: list[bytes] = []
    incoming = Inflow(Transport(), taken.append)
    incoming.came(b"x" * inflow.PIECE_BYTES * 2)
    incoming.stop()
    await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    assert len(taken) == 1


async def test_a_connection_that_can_not_be_understood_is_cut() -> None:
    def fail(_piece: bytes) -> None:
        raise ValueError

    transport = Transport()
    with pytest.raises(ValueError):
        Inflow(transport, fail).came(b"x")
    assert transport.aborted
