"""What a session is, as far as deciding needs it: no messages, no text, flat in the length of the conversation."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.events import Role
from shared.events.replies import Purpose


@dataclass(frozen=True, slots=True)
class Participant:
    """A user who may read, and unless they are a viewer, write."""

    user: str
    name: str
    role: Role
    since_seq: int


@dataclass(frozen=True, slots=True)
class Invite:
    """An invitation that was made at `seq`. `expires_at` in Unix seconds."""

    role: Role
    expires_at: int
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Chat:
    """A thread of messages inside the session."""

    chat_id: str
    name: str
    chat_type: str
    agent: str = ""  # who answers here; empty: whoever is meant to in chats of this type
    on_second_prompt: str = ""  # empty: as the session says
    name_seq: int = 0  # where its name was given


@dataclass(frozen=True, slots=True)
class OpenReply:
    """A reply that was asked for at `requested_seq` and has not ended. `attempt` 0: nobody has begun.

    `prompt_id` is the message that it answers, empty where there is none. `erased`: what asked for it was.
    """

    reply_id: str
    chat_id: str
    prompt_id: str
    requested_seq: int
    attempt: int = 0
    purpose: Purpose = "answer"
    agent: str = ""  # who was asked by name
    cancelled: bool = False
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What a command wants to change, as it was last changed at `seq`; 0: it is not there.

    The state holds no messages, or it would grow with the conversation: whoever decides looks the target up and hands
    it in. `author` is empty for what no participant wrote; `role` and `parent` are a message's. `redacted`: it says
    nothing any more.
    """

    seq: int = 0
    author: str = ""
    chat_id: str = ""
    redacted: bool = False
    role: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session after its event at `seq`. `seq` 0: there is none.

    Collections are never changed in place: `evolve` makes new ones, so a state can be kept and compared.
    """

    session_id: str
    seq: int = 0
    owner: str = ""  # empty: nobody's, imported
    title: str = ""
    kind: str = "chat"
    project: str = ""
    created_at: str = ""
    active_chat: str = ""
    on_second_prompt: str = ""
    archived: bool = False
    deleted: bool = False
    participants: Mapping[str, Participant] = field(default_factory=dict)
    invites: Mapping[str, Invite] = field(default_factory=dict)  # the latest thousands
    created_seq: int = 0
    title_seq: int = 0  # where its title was given
    removed: Mapping[str, int] = field(default_factory=dict)  # who, and at which seq; the latest hundreds
    chats: Mapping[str, Chat] = field(default_factory=dict)
    receipts: Mapping[str, int] = field(default_factory=dict)  # up to which seq each participant has read
    open_replies: Mapping[str, OpenReply] = field(default_factory=dict)

    def chat_of_type(self, chat_type: str) -> str | None:
        """The first chat of this type."""
        return next((chat.chat_id for chat in self.chats.values() if chat.chat_type == chat_type), None)

    def replies_in(self, chat_id: str) -> list[OpenReply]:
        """The chat's open replies, in the order they were asked for."""
        replies = [reply for reply in self.open_replies.values() if reply.chat_id == chat_id]
        return sorted(replies, key=lambda reply: reply.requested_seq)

    def second_prompt(self, chat_id: str) -> str:
        """What to do in the chat with a prompt that comes while an answer is being written."""
        chat = self.chats.get(chat_id)
        return (chat.on_second_prompt if chat else "") or self.on_second_prompt or "enqueue"

    @property
    def exists(self) -> bool:
        """Whether the session was created."""
        return self.created_at != ""
