"""Whatever happens to live copies, what comes out of the chain is the stream."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.chain import Chain, Copy, Link
from shared.bus.direct import Stored


@dataclass
class Stream:
    """A session's events on a stream that holds other sessions' events too."""

    seqs: list[int]
    position: int = 0  # how many are stored so far

    @property
    def stored(self) -> list[int]:
        return self.seqs[: self.position]

    def copy(self, index: int) -> Copy:
        prev = self.seqs[index - 1] if index else 0
        return Copy(self.seqs[index], prev, body(self.seqs[index]))

    def fill(self, after: int) -> tuple[list[Stored], int]:
        found = [Stored(seq, "event.s", body(seq)) for seq in self.stored if seq > after]
        return found, found[-1].seq if found else after


def body(seq: int) -> bytes:
    return b'{"seq":%d}' % seq


@dataclass
class Run:
    stream: Stream
    chain: Chain = field(default_factory=Chain)
    out: list[Link] = field(default_factory=list)
    under_way: list[int] = field(default_factory=list)  # copies that were sent and may still come
    fills: list[tuple[list[Stored], int]] = field(default_factory=list)  # answers read, not applied yet


steps = st.lists(
    st.one_of(
        st.just(("store", 0)),
        st.tuples(st.sampled_from(["live", "repeat", "lose", "ask", "answer", "ancient"]), st.integers(0, 50)),
    ),
    max_size=200,
)
gaps = st.lists(st.integers(1, 5), min_size=1, max_size=60)


def play(run: Run, action: str, number: int) -> None:
    match action:
        case "store" if run.stream.position < len(run.stream.seqs):
            run.under_way.append(run.stream.position)
            run.stream.position += 1
        case "live" if run.under_way:  # any of them: copies overtake each other
            run.out += run.chain.live(run.stream.copy(run.under_way.pop(number % len(run.under_way))))
        case "repeat" if run.under_way:
            run.out += run.chain.live(run.stream.copy(run.under_way[number % len(run.under_way)]))
        case "ancient" if run.stream.position:
            run.out += run.chain.live(run.stream.copy(number % run.stream.position))
        case "lose" if run.under_way:
            run.under_way.pop(number % len(run.under_way))
        case "ask":
            run.fills.append(run.stream.fill(run.chain.covered))
        case "answer" if run.fills:  # late, and not in the order in which they were asked
            run.out += run.chain.filled(*run.fills.pop(number % len(run.fills)))
        case _:
            pass


@settings(max_examples=500)
@given(gaps, steps)
def test_no_hole_no_repeat_no_other_order(distances: list[int], actions: list[tuple[str, int]]) -> None:
    seqs = [sum(distances[: n + 1]) for n in range(len(distances))]
    run = Run(Stream(seqs))
    for action, number in actions:
        play(run, action, number)
        given_out = [link.seq for link in run.out]
        assert given_out == seqs[: len(given_out)]
        assert [link.prev for link in run.out] == [0, *given_out][: len(given_out)]
        assert all(link.body == body(link.seq) for link in run.out)
    run.out += run.chain.filled(*run.stream.fill(run.chain.covered))
    assert [link.seq for link in run.out] == run.stream.stored
    assert not run.chain.gap


@settings(max_examples=300)
@given(gaps, steps, st.sets(st.integers(0, 59)))
def test_an_erased_event_stops_nobody(
    distances: list[int], actions: list[tuple[str, int]], erased_indexes: set[int]
) -> None:
    """Events are erased from the stream after they were stored; the newest never is (another one follows first)."""
    seqs = [sum(distances[: n + 1]) for n in range(len(distances))]
    run = Run(Stream(seqs))
    erased = {seqs[index] for index in erased_indexes if index < len(seqs) - 1}

    def left(after: int) -> tuple[list[Stored], int]:
        newest = run.stream.stored[-1:]
        found = [each for each in run.stream.fill(after)[0] if each.seq not in erased or each.seq in newest]
        return found, found[-1].seq if found else after

    for action, number in actions:
        if action == "ask":
            run.fills.append(left(run.chain.covered))
        else:
            play(run, action, number)
        given_out = [link.seq for link in run.out]
        assert given_out == sorted(set(given_out))
    run.out += run.chain.filled(*left(run.chain.covered))
    given_out = [link.seq for link in run.out]
    assert given_out == sorted(set(given_out))
    assert set(run.stream.stored) - set(given_out) <= erased
    assert not run.chain.gap


def test_below_the_streams_first_event_only_an_exact_predecessor_counts() -> None:
    chain = Chain()
    chain.floor = 100
    assert chain.live(Copy(120, 0, b"{}")) == []
    assert chain.gap
    links = chain.filled([Stored(7, "event.s", b"{}"), Stored(120, "event.s", b"{}")], 120)
    assert [(link.seq, link.prev) for link in links] == [(7, 0), (120, 7)]
    assert [link.seq for link in chain.live(Copy(130, 120, b"{}"))] == [130]


def test_a_trimmed_session_expects_nothing() -> None:
    chain = Chain()
    chain.filled([Stored(7, "event.s", b"{}")], 99)
    assert chain.expectation == 7
    chain.floor = 100
    assert chain.expectation == 0
    assert chain.live(Copy(120, 0, b"{}")) == [], "there may have been others"
    assert [link.prev for link in chain.filled([Stored(120, "event.s", b"{}")], 120)] == [7]
