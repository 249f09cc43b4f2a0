"""How a session's listeners are told: a small room of each frame at once, a crowd in rounds; all in one order."""

import pytest

from services.gateway import hub
from services.gateway.hub import Hub, Listener
from tests.support.eventually import eventually


class Recorder(Listener):
    user = "ada"

    def __init__(self) -> None:
        self.told: list[object] = []

    def deliver(self, frame: bytes, _seq: int | None) -> None:
        self.told.append(frame)

    def revoked(self) -> None:
        self.told.append("revoked")

    def insufficient(self) -> None:
        self.told.append("insufficient")


def room(size: int) -> tuple[Hub, list[Recorder]]:
    listeners = [Recorder() for _ in range(size)]
    made = Hub()
    for listener in listeners:
        made.add(listener)
    return made, listeners


async def test_a_small_room_is_told_of_every_frame_at_once() -> None:
    made, listeners = room(hub.CROWD - 1)
    for number in range(5):
        made.deliver(b"%d" % number, number)
        assert all(listener.told[-1] == b"%d" % number for listener in listeners)


async def test_a_crowd_is_told_at_once_after_a_pause_and_then_in_rounds() -> None:
    made, listeners = room(hub.CROWD)
    made.deliver(b"0", 0)
    assert all(listener.told == [b"0"] for listener in listeners)
    made.deliver(b"1", 1)
    made.deliver(b"2", None)
    assert all(listener.told == [b"0"] for listener in listeners)
    await eventually(lambda: listeners[0].told != [b"0"], 1.0)
    assert all(listener.told == [b"0", b"1", b"2"] for listener in listeners)


async def test_no_round_grows_beyond_its_bound() -> None:
    made, (listener, *_) = room(hub.CROWD)
    for number in range(hub.MAX_KEPT + 2):
        made.deliver(b"%d" % number, number)
    assert listener.told == [b"%d" % number for number in range(hub.MAX_KEPT + 1)]


@pytest.mark.parametrize("ending", ["revoked", "insufficient"])
async def test_an_end_comes_after_what_was_delivered_before_it(ending: str) -> None:
    made, (listener, *_) = room(hub.CROWD)
    made.deliver(b"0", 0)
    made.deliver(b"1", 1)
    if ending == "revoked":
        made.retain(frozenset())
    else:
        made.insufficient()
    made.deliver(b"2", 2)
    assert listener.told == [b"0", b"1", ending]


async def test_who_comes_during_a_round_hears_only_what_is_later_and_who_goes_all_before() -> None:
    made, (leaver, *_) = room(hub.CROWD + 1)
    made.deliver(b"0", 0)
    made.deliver(b"1", 1)
    late = Recorder()
    made.add(late)
    made.deliver(b"2", 2)
    made.remove(leaver)
    made.deliver(b"3", 3)
    made.settle()
    assert (leaver.told, late.told) == ([b"0", b"1", b"2"], [b"2", b"3"])
