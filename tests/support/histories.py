"""Any history of a session, for laws that hold of every one."""

from hypothesis import strategies as st

from shared import ids
from shared.events import (
    AgentSwitched,
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
    PlanFinalized,
    PlanModule,
    ReceiptRead,
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
    Track,
    Unknown,
    Usage,
)

IDS = [ids.uuid7(1_700_000_000_000 + n) for n in range(4)]
CHATS = st.sampled_from(["c1", "c2", "c3"])
USERS = st.sampled_from(["ada", "bob", "eve"])
REPLIES = st.sampled_from(IDS)
TEXT = st.text(max_size=5)
EVENT_IDS = [ids.uuid7(1_700_000_001_000 + n) for n in range(40)]  # of the event at each position, where one wants that
MESSAGES = st.sampled_from([*IDS, *EVENT_IDS[1:9]])  # replies become messages with their ids
AGENTS = st.sampled_from(["coach", "critic"])
USAGES = st.builds(Usage, input_tokens=st.just(3), output_tokens=st.just(2), cost_usd=st.none() | st.just(0.000_125))

later_events: st.SearchStrategy[Event] = st.one_of(
    st.builds(SessionCreated, owner=USERS, chat_id=CHATS),
    st.builds(AgentSwitched, chat_id=st.just("c1"), agent=AGENTS, reason=TEXT),
    st.builds(ReplyCancelRequested, reply_id=REPLIES, chat_id=st.just("c1")),
    st.builds(
        ReplyRequested,
        reply_id=REPLIES,
        chat_id=st.just("c1"),
        purpose=st.sampled_from(["answer", "greet", "regenerate", "finalize"]),
        message_id=st.none() | MESSAGES,
        parent=st.none() | MESSAGES,
        agent=st.none() | AGENTS,
    ),
    st.builds(
        PlanFinalized,
        reply_id=REPLIES,
        chat_id=st.just("c1"),
        attempt=st.integers(1, 3),
        title=TEXT,
        modules=st.lists(
            st.builds(PlanModule, title=st.just("module"), hours=st.just(1.5), topics=st.just(["topic"])),
            min_size=1,
            max_size=3,
        ),
        model=st.just("m"),
        usage=USAGES,
    ),
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
    st.builds(
        ChatConfigured,
        chat_id=st.just("c1"),
        ai_context=st.builds(AiContext, system_prompt=TEXT, agent=st.none() | AGENTS),
    ),
    st.builds(SessionConfigured, ai_context=st.builds(AiContext, model=st.just("m"))),
    st.builds(
        MessagePosted,
        chat_id=st.just("c1"),
        content=TEXT,
        reply_id=st.none() | REPLIES,
        parent=st.none() | st.just("root") | MESSAGES,
    ),
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
        finish_reason=st.sampled_from(["stop", "cancelled"]),
        usage=USAGES,
        parent=st.none() | MESSAGES,
    ),
    st.builds(
        ReplyFailed,
        reply_id=REPLIES,
        chat_id=st.just("c1"),
        attempt=st.integers(0, 3),
        reason=st.just("timeout"),
        message=TEXT,
        usage=USAGES,
    ),
    st.builds(MessageEdited, message_id=MESSAGES, chat_id=CHATS, content=TEXT),
    st.builds(MessageRedacted, message_id=MESSAGES, chat_id=CHATS),
    st.builds(ReceiptRead, user=USERS, up_to_seq=st.integers(1, 9)),
    st.builds(OperationApplied, kind=st.just("set"), target=CHATS, payload=TEXT),
    st.just(Unknown()),
)
histories = st.lists(later_events, max_size=25)
tracks = st.none() | st.builds(Track, title=st.just("Learn"), description=TEXT, user_expectations=TEXT)
