"""What an event changes in the read models: pure, data in, data out. Doing it is elsewhere."""

from datetime import datetime

from shared.events import (
    AgentSwitched,
    ChatActivated,
    ChatConfigured,
    ChatCreated,
    ChatRenamed,
    ContentErased,
    MessageEdited,
    MessagePosted,
    MessageRedacted,
    OperationApplied,
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
    Unknown,
)
from shared.fold.change import Change, Edit, Key, is_open
from shared.fold.erasing import erased
from shared.fold.rows import clean, configured, context, gone, has_read, new_chat, new_participant, new_session
from shared.fold.rows_replied import asked, completed, failed, finalized, requested, started, switched
from shared.fold.rows_said import edited, operated, posted, redacted

# Events after which the session looks different in a list.
SUMMARY_EVENTS = (
    SessionCreated, SessionRenamed, SessionArchived, SessionUnarchived, SessionDeleted, SessionRestored,
    ParticipantJoined, ParticipantLeft, ParticipantRemoved, ParticipantRoleChanged, ChatCreated, ChatRenamed,
    ChatActivated, AgentSwitched, MessagePosted, MessageEdited, MessageRedacted, ReplyCompleted, PlanFinalized,
    ContentErased,
)  # fmt: skip
PASSIVE_EVENTS = (ReceiptRead, ContentErased)  # nobody has done anything in the session


def changes(recorded: Recorded) -> list[Change]:
    """The changes of one event. Of an event of an unknown type: none."""
    if isinstance(recorded.event, Unknown):
        return []
    seq, at = recorded.seq, datetime.fromisoformat(recorded.envelope.time)
    session: Key = (recorded.envelope.subject,)
    made = _of_event(recorded, session, at)
    moved = {} if isinstance(recorded.event, PASSIVE_EVENTS) else {"active_seq": seq, "last_activity": at}
    present = {"last_event_at": at, "last_event_seq": seq, "seq": seq}
    if not recorded.envelope.actor.startswith("svc/"):
        made.append(Edit("participants", (*session, recorded.envelope.actor), present, {}))
    return [*made, Edit("sessions", session, {"last_seq": seq, **moved}, {"version": 1})]


def _of_event(recorded: Recorded, session: Key, at: datetime) -> list[Change]:
    seq = recorded.seq
    match recorded.event:
        case SessionCreated() as e:
            greeting = [asked(recorded, e.reply_id, e.chat_id, session, at, purpose="greet")] if e.reply_id else []
            return [new_session(e, session, at, seq, *greeting)]
        case SessionRenamed() as e:
            return [Edit("sessions", session, {"title": clean(e.title), "title_seq": seq, "seq": seq}, {})]
        case SessionConfigured() as e:
            settings = {"ai_context": context(e.ai_context), "ai_context_seq": seq, "seq": seq}
            return [Edit("sessions", session, settings, {})]
        case SessionArchived() | SessionUnarchived() as e:
            archived_at = at if isinstance(e, SessionArchived) else None
            return [Edit("sessions", session, {"archived_at": archived_at, "seq": seq}, {})]
        case SessionDeleted() | SessionRestored() as e:
            deleted_at = at if isinstance(e, SessionDeleted) else None
            return [Edit("sessions", session, {"deleted_at": deleted_at, "seq": seq}, {})]
        case ParticipantJoined() as e:
            return [new_participant(session, e.user, e.name, e.role, at, seq, guest=e.guest)]
        case ParticipantLeft() | ParticipantRemoved() as e:
            return gone(session, e.user)
        case ParticipantRoleChanged() as e:
            return [Edit("participants", (*session, e.user), {"role": e.role, "seq": seq}, {})]
        case ReceiptRead() as e:
            return [has_read(e, session, at, seq)]
        case ChatCreated() as e:
            return [new_chat(session, e.chat_id, e.name, e.chat_type, at, seq)]
        case ChatRenamed() as e:
            return [Edit("chats", (*session, e.chat_id), {"name": clean(e.name), "name_seq": seq, "seq": seq}, {})]
        case ChatConfigured() as e:
            return [configured(e, session, seq)]
        case ChatActivated() as e:
            chosen = Edit("sessions", session, {"active_chat": e.chat_id, "seq": seq}, {})
            return [Edit("chats", (*session, e.chat_id), {"seq": seq}, {}, then=(chosen,))]
        case AgentSwitched() as e:
            return switched(recorded, e, session, at)
        case OperationApplied() as e:
            return operated(recorded, e, session, at)
        case ContentErased() as e:
            return erased(e, session, seq)
        case _:
            return _of_conversation(recorded, session, at)


def _of_conversation(recorded: Recorded, session: Key, at: datetime) -> list[Change]:
    seq = recorded.seq
    match recorded.event:
        case MessagePosted() as e:
            said = posted(recorded, e, session, at)
            if e.reply_id is None:
                return said
            prompt = {"prompt_id": recorded.envelope.id, "asked_agent": e.agent}
            return [*said, asked(recorded, e.reply_id, e.chat_id, session, at, **prompt)]
        case MessageEdited() as e:
            return edited(e, session, at, seq)
        case MessageRedacted() as e:
            return [redacted(e, session, at, seq)]
        case ReplyRequested() as e:
            return [requested(recorded, e, session, at)]
        case ReplyCancelRequested() as e:
            return [Edit("replies", (*session, e.reply_id), {"cancel_requested": True, "seq": seq}, {}, is_open)]
        case ReplyStarted() as e:
            return [started(e, session, at, seq)]
        case ReplyCompleted() as e:
            return [completed(e, session, at, seq)]
        case ReplyFailed() as e:
            return [failed(e, session, at, seq)]
        case PlanFinalized() as e:
            return [finalized(e, session, at, seq)]
        case _:
            return []
