"""What an erasure leaves of a session's state: it holds no messages, but it holds names."""

from dataclasses import replace

from shared.session.state import SessionState


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
