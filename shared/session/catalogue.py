"""Every command by its method."""

from shared.session.arranging import ActivateChat, ConfigureChat, ConfigureSession, RenameChat, SwitchAgent
from shared.session.commands import (
    ArchiveSession,
    Command,
    CreateChat,
    CreateSession,
    DeleteSession,
    EditMessage,
    InviteParticipant,
    JoinSession,
    LeaveSession,
    RedactMessage,
    RemoveParticipant,
    RenameSession,
    RestoreSession,
    SendMessage,
    SetRole,
    SubmitOperation,
    UnarchiveSession,
)
from shared.session.receipts import ReadUpTo
from shared.session.replying import CancelReply, FinalizePlan, RequestReply

COMMANDS: dict[str, type[Command]] = {
    command.METHOD: command
    for command in (
        CreateSession, RenameSession, ConfigureSession, ArchiveSession, UnarchiveSession, DeleteSession, RestoreSession,
        InviteParticipant, JoinSession, LeaveSession, RemoveParticipant, SetRole, CreateChat, RenameChat, ConfigureChat,
        ActivateChat, SwitchAgent, SendMessage, EditMessage, RedactMessage, RequestReply, CancelReply, FinalizePlan,
        SubmitOperation, ReadUpTo,
    )
}  # fmt: skip
