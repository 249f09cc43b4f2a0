"""Why history stands still. Each sentence says what a person has to do.

StandStill
├── Hole             a position is neither in the stream nor in the log
├── ForeignEpoch     stream and log do not belong together
├── StreamMissing    the log has events and there is no stream
└── StreamBehind     the stream ends before the log
SchemaMissing        Temporary: somebody will migrate
"""

from shared.errors import Temporary
from shared.leader import StandStill


class Hole(StandStill):
    """Positions are missing between the log and the stream; restore them, or order the log to go on without them"""

    def __init__(self, first: int, last: int) -> None:
        self.first = first
        self.last = last
        super().__init__(f"{first}" if first == last else f"{first} to {last}")


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


class SchemaMissing(Temporary):
    """The database has no schema `log`; run `antiphon migrate`"""
