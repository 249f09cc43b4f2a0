"""Why history stands still. Each sentence says what a person has to do.

StandStill
├── Hole             a position is neither in the stream nor in the log, and nobody erased it
├── ForeignEpoch     stream and log do not belong together
├── StreamMissing    the log has events and there is no stream
├── StreamBehind     the stream ends before the log
└── StreamForgets    the stream would discard events
SchemaMissing        Temporary: somebody will migrate
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from shared.errors import Temporary
from shared.leader import StandStill


def ranges(positions: Iterable[int]) -> str:
    """The positions, which are in order, as people write them: `3, 5 to 7`."""
    runs = [list(run) for _, run in groupby(enumerate(positions), key=lambda pair: pair[1] - pair[0])]
    ends = [(run[0][1], run[-1][1]) for run in runs]
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in ends)


class Hole(StandStill):
    """Positions are missing between the log and the stream; restore them, or run `antiphon accept-gap` to go on without"""  # noqa: E501

    def __init__(self, first: int, last: int, lost: Sequence[int] | None = None) -> None:
        self.first = first
        self.last = last
        self.lost = range(first, last + 1) if lost is None else lost
        super().__init__(ranges(self.lost))


class ForeignEpoch(StandStill):
    """The stream EVENTS belongs to another log; point history at the right NATS server or database, or run `antiphon restore-stream`"""  # noqa: E501

    def __init__(self, log_epoch: str, stream_epoch: str) -> None:
        super().__init__(f"the log is {log_epoch}, the stream says {stream_epoch or 'nothing'}")


class StreamMissing(StandStill):
    """The log has events but the stream EVENTS is missing; run `antiphon restore-stream`"""

    def __init__(self, head_seq: int) -> None:
        super().__init__(f"the log ends at {head_seq}")


class StreamBehind(StandStill):
    """The stream EVENTS ends before the log, so it lost events and would give their numbers again; run `antiphon restore-stream`"""  # noqa: E501

    def __init__(self, head_seq: int, last_seq: int) -> None:
        super().__init__(f"the log ends at {head_seq}, the stream at {last_seq}")


class StreamForgets(StandStill):
    """The stream EVENTS is set up to discard events that were acknowledged; remove that bound (`nats stream edit EVENTS`)"""  # noqa: E501


class SchemaMissing(Temporary):
    """The database has no schema `log`; run `antiphon migrate`"""
