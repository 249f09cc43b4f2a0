"""Any history of a session, for laws that hold of every one."""

from hypothesis import strategies as st

from shared import ids
from shared.events import (
    AiContext,
    ChatActivated,
    ChatConfigured,
    ChatCreated,
    ChatRenamed,
    Event,
    Manifest,
    MessageEdited,
    MessagePosted,
    MessageRedacted,
    OperationApplied,
    ParticipantInvited,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantRemoved,
    ParticipantRoleChanged,
    ReceiptRead,
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
    Usage,
)

IDS = [ids.uuid7(1_700_000_000_000 + n) for n in range(4)]
CHATS = st.sampled_from(["c1", "c2", "c3"])
USERS = st.sampled_from(["ada", "bob", "eve"])
REPLIES = st.sampled_from(IDS)
TEXT = st.text(max_size=5)

later_events: st.SearchStrategy[Event] = st.one_of(
    st.builds(SessionCreated, owner=USERS, chat_id=CHATS),
    st.builds(SessionRenamed, title=TEXT),
    st.sampled_from([SessionArchived(), SessionUnarchived(), SessionDeleted(), SessionRestored()]),
    st.builds(ParticipantInvited, expires_at=st.integers(0, 9)),
    st.builds(ParticipantJoined, user=USERS, name=TEXT, invite_id=REPLIES),
    st.builds(ParticipantLeft, user=USERS),
    st.builds(ParticipantRemoved, user=USERS),
    st.builds(ParticipantRoleChanged, user=USERS, role=st.sampled_from(["member", "viewer"])),
    st.builds(ChatCreated, chat_id=CHATS, name=TEXT),
    st.builds(ChatRenamed, chat_id=st.just("c1"), name=TEXT),
    st.builds(ChatActivated, chat_id=st.just("c1")),
    st.builds(ChatConfigured, chat_id=st.just("c1"), ai_context=st.builds(AiContext, system_prompt=TEXT)),
    st.builds(SessionConfigured, ai_context=st.builds(AiContext, model=st.just("m"))),
    st.builds(MessagePosted, chat_id=st.just("c1"), content=TEXT, reply_id=st.none() | REPLIES),
    st.builds(
        ReplyStarted,
        reply_id=REPLIES,
        chat_id=st.just("c1"),
        attempt=st.integers(1, 3),
        model=st.just("m"),
        manifest=st.just(Manifest(seqs=[], digest="")),
    ),
    st.builds(
        ReplyCompleted,
        reply_id=REPLIES,
        chat_id=st.just("c1"),
        attempt=st.integers(1, 3),
        content=TEXT,
        model=st.just("m"),
        finish_reason=st.just("stop"),
        usage=st.just(Usage(input_tokens=3, output_tokens=2)),
    ),
    st.builds(
        ReplyFailed,
        reply_id=REPLIES,
        chat_id=st.just("c1"),
        attempt=st.integers(0, 3),
        reason=st.just("timeout"),
        message=TEXT,
    ),
    st.builds(MessageEdited, message_id=REPLIES, chat_id=CHATS, content=TEXT),
    st.builds(MessageRedacted, message_id=REPLIES, chat_id=CHATS),
    st.builds(ReceiptRead, user=USERS, up_to_seq=st.integers(1, 9)),
    st.builds(OperationApplied, kind=st.just("set"), target=CHATS, payload=TEXT),
    st.just(Unknown()),
)
histories = st.lists(later_events, max_size=25)
