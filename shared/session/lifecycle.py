"""The rules for putting a session away and for deleting it. Deleting hides and closes; the log keeps everything."""

from shared import errors
from shared.events import SessionArchived, SessionDeleted, SessionRestored, SessionUnarchived
from shared.session.commands import ArchiveSession, DeleteSession, RestoreSession, UnarchiveSession
from shared.session.decided import Actor, Decided
from shared.session.state import SessionState

Lifecycle = ArchiveSession | UnarchiveSession | DeleteSession | RestoreSession


def move(state: SessionState, command: Lifecycle, actor: Actor) -> Decided | errors.Refused:
    """Archiving is anybody's who writes here; deleting and restoring is the owner's."""
    match command:
        case ArchiveSession():
            return errors.RuleBroken("archived already") if state.archived else Decided(SessionArchived())
        case UnarchiveSession():
            return Decided(SessionUnarchived()) if state.archived else errors.RuleBroken("not archived")
        case _ if actor.user != state.owner:
            return errors.PermissionDenied("the owner's business")
        case DeleteSession():
            return Decided(SessionDeleted(), strict=True)
        case RestoreSession():
            return Decided(SessionRestored(), strict=True) if state.deleted else errors.RuleBroken("not deleted")
