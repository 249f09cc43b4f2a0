"""The rules for who is in a session, and as what. There is one owner, for ever."""

from shared import errors
from shared.events import ParticipantJoined, ParticipantRemoved, ParticipantRoleChanged
from shared.session.commands import JoinSession, RemoveParticipant, SetRole
from shared.session.decided import Actor, Decided
from shared.session.state import SessionState

MAX_PARTICIPANTS = 1000


def join(state: SessionState, command: JoinSession, actor: Actor, now_s: int) -> Decided | errors.Refused:
    """Whoever holds an invitation enters. Who was removed needs one that was made after that."""
    invite = state.invites.get(command.invite_id)
    if invite is None:
        return errors.NotFound("no such invitation")
    if state.deleted:
        return errors.Gone("the session is deleted")
    if actor.user in state.participants:
        return errors.RuleBroken("already a participant")
    if invite.expires_at <= now_s or invite.seq <= state.removed.get(actor.user, 0):
        return errors.Gone("the invitation has expired")
    if len(state.participants) >= MAX_PARTICIPANTS:
        return errors.LimitExceeded(f"{MAX_PARTICIPANTS} participants")
    joined = ParticipantJoined(
        user=actor.user, name=actor.name, role=invite.role, guest=actor.guest, invite_id=command.invite_id
    )
    return Decided(joined, strict=True)


def manage(state: SessionState, command: RemoveParticipant | SetRole, actor: Actor) -> Decided | errors.Refused:
    """The owner decides about the others."""
    if actor.user != state.owner:
        return errors.PermissionDenied("the owner's business")
    person = state.participants.get(command.user)
    if person is None:
        return errors.NotFound("participant")
    if person.role == "owner":
        return errors.RuleBroken("the owner stays the owner")
    if isinstance(command, RemoveParticipant):
        return Decided(ParticipantRemoved(user=command.user), strict=True)
    if person.role == command.role:
        return errors.RuleBroken(f"is a {command.role} already")
    return Decided(ParticipantRoleChanged(user=command.user, role=command.role), strict=True)
