"""`evolve(state, event) -> state`: pure, total, and the same on every machine."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from shared.events import (
    AgentSwitched,
    ChatActivated,
    ChatConfigured,
    ChatCreated,
    ChatRenamed,
    ContentErased,
    MessagePosted,
    ParticipantInvited,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantRemoved,
    ParticipantRoleChanged,
    PlanFinalized,
    ReceiptRead,
    Recorded,
    ReplyCancelRequested,
    ReplyCompleted,
    ReplyFailed,
    ReplyRequested,
    ReplyStarted,
    SessionArchived,
    SessionConfigured,
    SessionCreated,
    SessionDeleted,
    SessionRenamed,
    SessionRestored,
    SessionUnarchived,
)
from shared.session.erasing import without_names, without_owed
from shared.session.state import Chat, Invite, OpenReply, Participant, SessionState

K = TypeVar("K")
V = TypeVar("V")

MAX_REMOVED = 1000
MAX_INVITES = 2000  # twice as many as may take part
MAIN_CHAT = ("Main Chat", "discussion")
PLANNING_CHAT = ("Planning", "planning")


def evolve(state: SessionState, recorded: Recorded) -> SessionState:
    """The state after one more event. A position at or below the state's is a repeat and changes nothing."""
    seq, envelope = recorded.seq, recorded.envelope
    if seq <= state.seq:
        return state
    state = replace(state, seq=seq)
    match recorded.event:
        case SessionCreated() as e if not state.exists:
            return _created(state, recorded, e)
        case SessionRenamed() as e:
            return replace(state, title=e.title, title_seq=seq)
        case SessionArchived() | SessionUnarchived() as e:
            return replace(state, archived=isinstance(e, SessionArchived))
        case SessionDeleted() | SessionRestored() as e:
            return replace(state, deleted=isinstance(e, SessionDeleted))
        case ParticipantInvited() as e:
            invites = _with(state.invites, envelope.id, Invite(e.role, e.expires_at, seq))
            return replace(state, invites=_newest(invites, MAX_INVITES))
        case ParticipantJoined() as e if e.user not in state.participants:
            person = Participant(e.user, e.name or e.user, e.role, seq)
            return replace(state, participants=_with(state.participants, e.user, person))
        case ParticipantLeft() as e:
            receipts = _without(state.receipts, e.user)
            return replace(state, participants=_without(state.participants, e.user), receipts=receipts)
        case ParticipantRemoved() as e:
            removed = _newest(_with(_without(state.removed, e.user), e.user, seq), MAX_REMOVED)
            people, receipts = _without(state.participants, e.user), _without(state.receipts, e.user)
            return replace(state, participants=people, receipts=receipts, removed=removed)
        case ParticipantRoleChanged() as e if (known := state.participants.get(e.user)) is not None:
            changed = _with(state.participants, e.user, replace(known, role=e.role))
            return replace(state, participants=changed)
        case ChatCreated() as e if e.chat_id not in state.chats:
            return replace(
                state, chats=_with(state.chats, e.chat_id, Chat(e.chat_id, e.name, e.chat_type, name_seq=seq))
            )
        case ReceiptRead() as e if e.user in state.participants and e.up_to_seq > state.receipts.get(e.user, 0):
            return replace(state, receipts=_with(state.receipts, e.user, e.up_to_seq))
        case ChatRenamed() as e if (chat := state.chats.get(e.chat_id)) is not None:
            return replace(state, chats=_with(state.chats, e.chat_id, replace(chat, name=e.name, name_seq=seq)))
        case ChatActivated() as e if e.chat_id in state.chats:
            return replace(state, active_chat=e.chat_id)
        case ChatConfigured() as e if (chat := state.chats.get(e.chat_id)) is not None:
            policy = e.ai_context.on_second_prompt or ""
            chat = replace(chat, agent=e.ai_context.agent or chat.agent, on_second_prompt=policy)
            return replace(state, chats=_with(state.chats, e.chat_id, chat))
        case SessionConfigured() as e:
            return replace(state, on_second_prompt=e.ai_context.on_second_prompt or "")
        case AgentSwitched() as e if (chat := state.chats.get(e.chat_id)) is not None:
            return replace(state, chats=_with(state.chats, e.chat_id, replace(chat, agent=e.agent)))
        case MessagePosted(reply_id=str() as reply_id) as e:
            return _asked(state, OpenReply(reply_id, e.chat_id, envelope.id, seq, agent=e.agent or ""))
        case ReplyRequested() as e:
            asked = OpenReply(e.reply_id, e.chat_id, e.parent or "", seq, purpose=e.purpose, agent=e.agent or "")
            return _asked(state, asked)
        case ReplyCancelRequested() as e if (reply := state.open_replies.get(e.reply_id)) is not None:
            return _asked(state, replace(reply, cancelled=True))
        case ReplyStarted() as e:
            running = state.open_replies.get(e.reply_id)
            if running is None or e.attempt <= running.attempt:
                return state
            return _asked(state, replace(running, attempt=e.attempt))
        case ReplyCompleted() | ReplyFailed() | PlanFinalized() as e:
            return replace(state, open_replies=_without(state.open_replies, e.reply_id))
        case ContentErased() as e:
            seqs = frozenset(e.seqs)
            return without_owed(without_names(state, seqs), seqs, e.remains)
        case _:
            return state


def first_chat(created: SessionCreated) -> tuple[str, str]:
    """Name and type of the chat that a session opens with."""
    name, chat_type = PLANNING_CHAT if created.kind == "track" else MAIN_CHAT
    return created.chat_name or name, created.chat_type or chat_type


def _created(state: SessionState, recorded: Recorded, e: SessionCreated) -> SessionState:
    seq, envelope = recorded.seq, recorded.envelope
    created = replace(
        state,
        owner=e.owner or "",
        title=e.title,
        created_seq=seq,
        title_seq=seq,
        kind=e.kind,
        project=e.project,
        created_at=envelope.time,
        active_chat=e.chat_id,
        participants={e.owner: Participant(e.owner, e.owner_name or e.owner, "owner", seq)} if e.owner else {},
        chats={e.chat_id: Chat(e.chat_id, *first_chat(e), name_seq=seq)},
    )
    if e.reply_id is None:
        return created
    return _asked(created, OpenReply(e.reply_id, e.chat_id, "", seq, purpose="greet"))


def _asked(state: SessionState, reply: OpenReply) -> SessionState:
    return replace(state, open_replies=_with(state.open_replies, reply.reply_id, reply))


def _with(old: Mapping[K, V], key: K, value: V) -> Mapping[K, V]:
    return {**old, key: value}


def _newest(old: Mapping[K, V], most: int) -> Mapping[K, V]:
    return dict(list(old.items())[-most:]) if len(old) > most else old


def _without(old: Mapping[K, V], key: K) -> Mapping[K, V]:
    return {k: v for k, v in old.items() if k != key} if key in old else old
