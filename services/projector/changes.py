"""What an event changes in the read models: pure, data in, data out. Doing it is elsewhere."""

from datetime import datetime

from services.projector.change import Change, Drop, Edit, Key, has_read_less, is_open, is_open_before
from services.projector.rows import (
    answered,
    clean,
    context,
    edited,
    new_chat,
    new_participant,
    new_session,
    operated,
    posted,
    redacted,
)
from shared.events import (
    ChatActivated,
    ChatConfigured,
    ChatCreated,
    ChatRenamed,
    MessageEdited,
    MessagePosted,
    MessageRedacted,
    OperationApplied,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantRemoved,
    ParticipantRoleChanged,
    ReceiptRead,
    Recorded,
    ReplyCompleted,
    ReplyFailed,
    ReplyStarted,
    SessionArchived,
    SessionConfigured,
    SessionCreated,
    SessionDeleted,
    SessionRenamed,
    SessionRestored,
    SessionUnarchived,
    Unknown,
)

# Events after which the session looks different in a list.
SUMMARY_EVENTS = (
    SessionCreated, SessionRenamed, SessionArchived, SessionUnarchived, SessionDeleted, SessionRestored,
    ParticipantJoined, ParticipantLeft, ParticipantRemoved, ParticipantRoleChanged,
    ChatCreated, ChatActivated, MessagePosted, MessageEdited, MessageRedacted, ReplyCompleted,
)  # fmt: skip


def changes(recorded: Recorded) -> list[Change]:
    """The changes of one event. Of an event of an unknown type: none."""
    if isinstance(recorded.event, Unknown):
        return []
    seq, at = recorded.seq, datetime.fromisoformat(recorded.envelope.time)
    session: Key = (recorded.envelope.subject,)
    made = _of_event(recorded, session, at)
    moved = {} if isinstance(recorded.event, ReceiptRead) else {"active_seq": seq, "last_activity": at}
    return [*made, Edit("sessions", session, {"last_seq": seq, **moved}, {})]


def _of_event(recorded: Recorded, session: Key, at: datetime) -> list[Change]:
    seq = recorded.seq
    match recorded.event:
        case SessionCreated() as e:
            return [new_session(e, session, at, seq)]
        case SessionRenamed() as e:
            return [Edit("sessions", session, {"title": clean(e.title), "seq": seq}, {})]
        case SessionConfigured() as e:
            return [Edit("sessions", session, {"ai_context": context(e.ai_context), "seq": seq}, {})]
        case SessionArchived() | SessionUnarchived() as e:
            archived_at = at if isinstance(e, SessionArchived) else None
            return [Edit("sessions", session, {"archived_at": archived_at, "seq": seq}, {})]
        case SessionDeleted() | SessionRestored() as e:
            deleted_at = at if isinstance(e, SessionDeleted) else None
            return [Edit("sessions", session, {"deleted_at": deleted_at, "seq": seq}, {})]
        case ParticipantJoined() as e:
            return [new_participant(session, e.user, e.name, e.role, at, seq)]
        case ParticipantLeft() | ParticipantRemoved() as e:
            return [Drop("participants", (*session, e.user))]
        case ParticipantRoleChanged() as e:
            return [Edit("participants", (*session, e.user), {"role": e.role, "seq": seq}, {})]
        case ChatCreated() as e:
            return [new_chat(session, e.chat_id, e.name, e.chat_type, at, seq)]
        case ChatRenamed() as e:
            return [Edit("chats", (*session, e.chat_id), {"name": clean(e.name), "seq": seq}, {})]
        case ChatConfigured() as e:
            return [Edit("chats", (*session, e.chat_id), {"ai_context": context(e.ai_context), "seq": seq}, {})]
        case ChatActivated() as e:
            chosen = Edit("sessions", session, {"active_chat": e.chat_id, "seq": seq}, {})
            return [Edit("chats", (*session, e.chat_id), {"seq": seq}, {}, then=(chosen,))]
        case MessagePosted() as e:
            return posted(recorded, e, session, at)
        case MessageEdited() as e:
            return [edited(e, session, at, seq)]
        case MessageRedacted() as e:
            return [redacted(e, session, seq)]
        case OperationApplied() as e:
            return operated(recorded, e, session, at)
        case ReceiptRead() as e:
            so_far = {"read_seq": e.up_to_seq, "seq": seq}
            return [Edit("participants", (*session, e.user), so_far, {}, has_read_less(e.up_to_seq))]
        case ReplyStarted() as e:
            values = {"status": "running", "attempt": e.attempt, "model": e.model, "agent": e.agent or None}
            values |= {"started_at": at, "seq": seq}
            return [Edit("replies", (*session, e.reply_id), values, {}, is_open_before(e.attempt))]
        case ReplyCompleted() as e:
            values = {"status": "completed", "attempt": e.attempt, "model": e.model, "agent": e.agent or None}
            values |= {"reason": e.finish_reason, "first_token_ms": e.first_token_ms, "total_ms": e.total_ms}
            values |= {"ended_at": at, "seq": seq}
            return [Edit("replies", (*session, e.reply_id), values, {}, is_open, (answered(e, session, at, seq),))]
        case ReplyFailed() as e:
            values = {"status": "failed", "reason": e.reason, "ended_at": at, "seq": seq}
            return [Edit("replies", (*session, e.reply_id), values, {}, is_open)]
        case _:
            return []
