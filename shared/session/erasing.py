"""What an erasure leaves of a session's state: it holds no messages, but it holds names and what is still owed."""

from collections.abc import Iterable
from dataclasses import replace

from shared.events import PlanFinalized, Remains, ReplyCompleted, ReplyFailed
from shared.session.state import SessionState

_ENDS = {ReplyCompleted.TYPE, ReplyFailed.TYPE, PlanFinalized.TYPE}


def without_names(state: SessionState, seqs: frozenset[int]) -> SessionState:
    """The state without the title, the project and the names that were given at these positions."""
    if state.title_seq in seqs:
        state = replace(state, title="")
    if state.created_seq in seqs:
        state = replace(state, project="")
    if any(chat.name_seq in seqs for chat in state.chats.values()):
        chats = {key: replace(it, name="") if it.name_seq in seqs else it for key, it in state.chats.items()}
        state = replace(state, chats=chats)
    if any(person.since_seq in seqs for person in state.participants.values()):
        people = state.participants.items()
        known = {user: replace(it, name=user) if it.since_seq in seqs else it for user, it in people}
        state = replace(state, participants=known)
    return state


def without_owed(state: SessionState, seqs: frozenset[int], left: Iterable[Remains]) -> SessionState:
    """The state without the replies whose ends are among what was erased: who comes later finds no end of theirs. An
    open one that was asked for at these positions stays until somebody ends it.
    """
    ends = (one.body for one in left if one.body is not None and one.body.get("type") in _ENDS)
    ended = {body.get("data", {}).get("reply_id") for body in ends}
    asked = {key for key, it in state.open_replies.items() if it.requested_seq in seqs}
    if not asked and ended.isdisjoint(state.open_replies):
        return state
    still = {key: it for key, it in state.open_replies.items() if key not in ended}
    still |= {key: replace(it, erased=True) for key, it in still.items() if key in asked}
    return replace(state, open_replies=still)
