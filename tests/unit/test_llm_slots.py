"""Which session gets a worker's next slot."""

from hypothesis import given
from hypothesis import strategies as st

from services.llm.slots import FAIR, Slots


def taken(slots: Slots, session_id: str, tries: int) -> int:
    return sum(slots.take(session_id) for _ in range(tries))


def test_one_session_leaves_room_for_others_and_they_get_it() -> None:
    slots = Slots(100)
    assert taken(slots, "crowd", 1000) == 75
    assert [taken(slots, f"other {number}", 10) for number in range(6)] == [FAIR] * 6
    assert slots.take("late")


def test_while_slots_are_scarce_a_session_that_has_its_share_waits() -> None:
    slots = Slots(100)
    taken(slots, "crowd", 1000)
    for number in range(25):
        assert slots.take(f"other {number}")
    assert not slots.take("one more")
    slots.give_back("crowd")
    assert not slots.take("crowd")
    assert slots.take("one more")


def test_a_worker_with_one_slot_uses_it() -> None:
    slots = Slots(1)
    assert slots.take("a")
    assert not slots.take("b")
    slots.give_back("a")
    assert slots.take("b")


@given(st.integers(1, 40), st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=200))
def test_no_slot_is_taken_twice_or_lost(count: int, steps: list[tuple[bool, int]]) -> None:
    slots, held = Slots(count), list[str]()
    for takes, number in steps:
        session = f"session {number}"
        if takes and slots.take(session):
            held.append(session)
        elif not takes and session in held:
            held.remove(session)
            slots.give_back(session)
        assert len(held) <= count
    for session in held:
        slots.give_back(session)
    assert taken(slots, "anybody", min(FAIR, count)) == min(FAIR, count)
