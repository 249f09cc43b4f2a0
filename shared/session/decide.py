"""`decide(state, command) -> Decided | Refused`: the rules, pure. What others may not learn is `NotFound`."""

from shared import errors, ids
from shared.events import (
    ParticipantInvited,
    ParticipantLeft,
    SessionConfigured,
    SessionCreated,
    SessionRenamed,
)
from shared.session.arranging import ChatCommand, ConfigureSession, arrange, create
from shared.session.commands import (
    ArchiveSession,
    Command,
    CreateChat,
    CreateSession,
    DeleteSession,
    InviteParticipant,
    JoinSession,
    LeaveSession,
    RemoveParticipant,
    RenameSession,
    RestoreSession,
    SendMessage,
    SetRole,
    TargetedCommand,
    UnarchiveSession,
)
from shared.session.decided import Actor, Decided
from shared.session.lifecycle import move
from shared.session.people import join, manage
from shared.session.receipts import ReadUpTo, read
from shared.session.replying import CancelReply, FinalizePlan, RequestReply, cancel, finalize, request, send
from shared.session.state import SessionState, Target
from shared.session.targets import change

NOTHING = Target()


def decide(
    state: SessionState, command: Command, actor: Actor, now_s: int, target: Target = NOTHING
) -> Decided | errors.Refused:
    """What the command means for the session as it is at `now_s` (Unix seconds), and for its target as it is there."""
    if isinstance(command, CreateSession):
        return _create(state, command, actor)
    if isinstance(command, JoinSession):
        return join(state, command, actor, now_s)
    member = state.participants.get(actor.user)
    if member is None:
        return errors.NotFound("session")
    if state.deleted and not isinstance(command, RestoreSession):
        return errors.Gone("the session is deleted")
    if isinstance(command, ReadUpTo):
        return read(state, command, actor)
    if member.role == "viewer" and not isinstance(command, LeaveSession):
        return errors.PermissionDenied("viewers read only")
    match command:
        case SendMessage() as c:  # first, since it is most of them
            return send(state, c)
        case RenameSession() as c:
            return Decided(SessionRenamed(title=c.title))
        case ArchiveSession() | UnarchiveSession() | DeleteSession() | RestoreSession() as c:
            return move(state, c, actor)
        case InviteParticipant() as c:
            return Decided(ParticipantInvited(role=c.role, expires_at=now_s + c.ttl_s))
        case LeaveSession():
            if member.role == "owner":
                return errors.RuleBroken("the owner can't leave")
            return Decided(ParticipantLeft(user=actor.user), strict=True)
        case RemoveParticipant() | SetRole() as c:
            return manage(state, c, actor)
        case CreateChat() as c:
            return create(state, c)
        case ChatCommand() as c:
            return arrange(state, c)
        case ConfigureSession() as c:
            return Decided(SessionConfigured(ai_context=c.ai_context))
        case RequestReply() as c:
            return request(state, c, target)
        case CancelReply() as c:
            return cancel(state, c)
        case FinalizePlan() as c:
            return finalize(state, c)
        case TargetedCommand() as c:
            return change(c, actor, member.role, target)
        case _:
            return errors.MethodNotFound(command.METHOD)


def _create(state: SessionState, command: CreateSession, actor: Actor) -> Decided | errors.Refused:
    if state.exists:
        at = f", last changed at seq {state.seq}" if actor.user in state.participants else ""
        return errors.Conflict(f"session {command.session_id} exists{at}")
    created = SessionCreated(
        owner=actor.user,
        owner_name=actor.name,
        owner_guest=actor.guest,
        chat_id=ids.derived(command.id, "chat"),
        title=command.title or (command.track.title if command.track else ""),
        kind=command.kind,
        project=command.project,
        key=command.key,
        track=command.track,
        reply_id=ids.derived(command.id, "reply") if command.track else None,
    )
    return Decided(created, strict=True)
