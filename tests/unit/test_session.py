"""The session core: what follows from what, for any history."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared import errors, ids
from shared.events import Event, Recorded, ReplyCompleted, ReplyStarted, Usage, decode, encode, wrap
from shared.session import Actor, Decided, SessionState, decide, evolve
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
    UnarchiveSession,
)

NOW_S = 1_800_000_000
ADA, BOB, EVE = Actor("ada", "Ada"), Actor("bob", "Bob"), Actor("eve", "Eve")


class World:
    """One session, its log, and the way a gateway would drive it."""

    def __init__(self) -> None:
        self.state = SessionState(ids.uuid7())
        self.log: list[Recorded] = []

    def record(self, event: Event, event_id: str, actor: str) -> None:
        body = encode(wrap(event, event_id=event_id, session_id=self.state.session_id, source="test", actor=actor))
        self.log.append(decode(len(self.log) + 1, body))
        self.state = evolve(self.state, self.log[-1])

    def do(self, kind: type[Command], actor: Actor, now_s: int = NOW_S, **fields: Any) -> Decided | errors.Refused:
        command = kind(id=ids.uuid7(), session_id=self.state.session_id, **fields)
        outcome = decide(self.state, command, actor, now_s)
        if isinstance(outcome, Decided):
            self.record(outcome.event, command.id, actor.user)
        return outcome


def opened() -> World:
    world = World()
    assert isinstance(world.do(CreateSession, ADA, title="t"), Decided)
    return world


def invite(world: World, **fields: Any) -> str:
    assert isinstance(world.do(InviteParticipant, ADA, **fields), Decided)
    return world.log[-1].envelope.id


def test_a_session_is_created_once() -> None:
    world = opened()
    assert world.state.participants["ada"].role == "owner"
    assert isinstance(world.do(CreateSession, BOB), errors.Conflict)


def test_who_is_no_participant_learns_nothing() -> None:
    world = opened()
    for kind, fields in ((SendMessage, {"content": "x"}), (RenameSession, {"title": "x"}), (LeaveSession, {})):
        assert isinstance(world.do(kind, EVE, **fields), errors.NotFound)


def test_an_invitation_lets_in_until_it_expires() -> None:
    world = opened()
    invitation = invite(world, ttl_s=60)
    assert isinstance(world.do(JoinSession, EVE, NOW_S + 60, invite_id=invitation), errors.Gone)
    assert isinstance(world.do(JoinSession, EVE, invite_id=ids.uuid7()), errors.NotFound)
    assert isinstance(world.do(JoinSession, BOB, NOW_S + 59, invite_id=invitation), Decided)
    assert isinstance(world.do(JoinSession, BOB, invite_id=invitation), errors.RuleBroken)
    assert isinstance(world.do(SendMessage, BOB, content="hello"), Decided)


def test_a_viewer_reads_only_and_may_leave() -> None:
    world = opened()
    world.do(JoinSession, BOB, invite_id=invite(world, role="viewer"))
    assert isinstance(world.do(SendMessage, BOB, content="x"), errors.PermissionDenied)
    assert isinstance(world.do(LeaveSession, BOB), Decided)
    assert isinstance(world.do(SendMessage, BOB, content="x"), errors.NotFound)
    assert isinstance(world.do(LeaveSession, ADA), errors.RuleBroken)


def test_who_was_removed_needs_a_new_invitation() -> None:
    world = opened()
    first = invite(world)
    world.do(JoinSession, BOB, invite_id=first)
    assert isinstance(world.do(RemoveParticipant, BOB, user="ada"), errors.PermissionDenied)
    assert isinstance(world.do(RemoveParticipant, ADA, user="ada"), errors.RuleBroken)
    assert isinstance(world.do(RemoveParticipant, ADA, user="eve"), errors.NotFound)
    assert isinstance(world.do(RemoveParticipant, ADA, user="bob"), Decided)
    assert isinstance(world.do(SendMessage, BOB, content="x"), errors.NotFound)
    assert isinstance(world.do(JoinSession, BOB, invite_id=first), errors.Gone)
    assert isinstance(world.do(JoinSession, EVE, invite_id=first), Decided)
    assert isinstance(world.do(JoinSession, BOB, invite_id=invite(world)), Decided)


def test_the_owner_says_who_may_write_and_stays_the_owner() -> None:
    world = opened()
    world.do(JoinSession, BOB, invite_id=invite(world))
    assert isinstance(world.do(SetRole, BOB, user="bob", role="viewer"), errors.PermissionDenied)
    assert isinstance(world.do(SetRole, ADA, user="ada", role="member"), errors.RuleBroken)
    assert isinstance(world.do(SetRole, ADA, user="bob", role="viewer"), Decided)
    assert isinstance(world.do(SendMessage, BOB, content="x"), errors.PermissionDenied)
    assert isinstance(world.do(SetRole, ADA, user="bob", role="viewer"), errors.RuleBroken)
    assert isinstance(world.do(SetRole, ADA, user="bob", role="member"), Decided)
    assert isinstance(world.do(SendMessage, BOB, content="x"), Decided)


def test_a_deleted_session_is_gone_for_its_people_and_nothing_for_others() -> None:
    world = opened()
    invitation = invite(world)
    world.do(JoinSession, BOB, invite_id=invitation)
    assert isinstance(world.do(DeleteSession, BOB), errors.PermissionDenied)
    assert isinstance(world.do(RestoreSession, ADA), errors.RuleBroken)
    assert isinstance(world.do(DeleteSession, ADA), Decided)
    for kind, fields in ((SendMessage, {"content": "x"}), (DeleteSession, {}), (ArchiveSession, {})):
        assert isinstance(world.do(kind, ADA, **fields), errors.Gone)
        assert isinstance(world.do(kind, EVE, **fields), errors.NotFound)
    assert isinstance(world.do(JoinSession, EVE, invite_id=invitation), errors.Gone)
    assert isinstance(world.do(RestoreSession, BOB), errors.PermissionDenied)
    assert isinstance(world.do(RestoreSession, ADA), Decided)
    assert isinstance(world.do(SendMessage, BOB, content="x"), Decided)


def test_a_session_is_put_away_and_brought_back_in_turn() -> None:
    world = opened()
    assert isinstance(world.do(UnarchiveSession, ADA), errors.RuleBroken)
    assert isinstance(world.do(ArchiveSession, ADA), Decided)
    assert isinstance(world.do(ArchiveSession, ADA), errors.RuleBroken)
    assert isinstance(world.do(SendMessage, ADA, content="x"), Decided)
    assert isinstance(world.do(UnarchiveSession, ADA), Decided)


def test_a_message_goes_to_a_chat_that_is_there() -> None:
    world = opened()
    assert isinstance(world.do(SendMessage, ADA, content="x", chat_id="elsewhere"), errors.NotFound)
    world.do(CreateChat, ADA, name="second")
    assert isinstance(world.do(SendMessage, ADA, content="x", chat_id=world.log[-1].envelope.id), Decided)


def test_a_reply_is_open_until_its_end_and_only_a_higher_attempt_takes_over() -> None:
    world = opened()
    world.do(SendMessage, ADA, content="hi", reply=True)
    (reply,) = world.state.open_replies.values()
    started: dict[str, Any] = {
        "reply_id": reply.reply_id,
        "chat_id": reply.chat_id,
        "model": "m",
        "manifest": {"seqs": [2], "digest": ""},
    }
    world.record(ReplyStarted(attempt=2, **started), ids.uuid7(), "svc/llm")
    world.record(ReplyStarted(attempt=1, **started), ids.uuid7(), "svc/llm")
    assert world.state.open_replies[reply.reply_id].attempt == 2
    end = ReplyCompleted(
        reply_id=reply.reply_id,
        chat_id=reply.chat_id,
        attempt=2,
        content="hello",
        model="m",
        finish_reason="stop",
        usage=Usage(),
    )
    world.record(end, ids.derived(reply.reply_id, "end"), "svc/llm")
    assert world.state.open_replies == {}


class Conversation(RuleBasedStateMachine):
    """Whatever people do in whatever order, the state is what the log says."""

    def __init__(self) -> None:
        super().__init__()
        self.world = opened()
        self.invites: list[str] = []

    @rule(who=st.sampled_from([ADA, BOB, EVE]), text=st.text(min_size=1, max_size=20), reply=st.booleans())
    def send(self, who: Actor, text: str, reply: bool) -> None:
        member = self.world.state.participants.get(who.user)
        outcome = self.world.do(SendMessage, who, content=text, reply=reply)
        assert isinstance(outcome, Decided) == (member is not None and member.role != "viewer")

    @rule(role=st.sampled_from(["member", "viewer"]))
    def make_invitation(self, role: str) -> None:
        self.invites.append(invite(self.world, role=role))

    @precondition(lambda self: self.invites)
    @rule(who=st.sampled_from([BOB, EVE]), data=st.data())
    def join(self, who: Actor, data: st.DataObject) -> None:
        self.world.do(JoinSession, who, invite_id=data.draw(st.sampled_from(self.invites)))

    @rule(who=st.sampled_from([ADA, BOB, EVE]))
    def leave(self, who: Actor) -> None:
        self.world.do(LeaveSession, who)

    @rule(who=st.sampled_from([ADA, BOB, EVE]), whom=st.sampled_from(["ada", "bob", "eve"]))
    def remove(self, who: Actor, whom: str) -> None:
        self.world.do(RemoveParticipant, who, user=whom)

    @rule(whom=st.sampled_from(["ada", "bob", "eve"]), role=st.sampled_from(["member", "viewer"]))
    def set_role(self, whom: str, role: str) -> None:
        self.world.do(SetRole, ADA, user=whom, role=role)

    @invariant()
    def a_fold_of_the_log_with_repeats_gives_the_same_state(self) -> None:
        again = SessionState(self.world.state.session_id)
        for recorded in self.world.log:
            again = evolve(again, recorded)
            again = evolve(again, recorded)
        assert again == self.world.state

    @invariant()
    def there_is_always_exactly_one_owner(self) -> None:
        assert [p.role for p in self.world.state.participants.values()].count("owner") == 1


TestConversation = Conversation.TestCase


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)))
def test_unknown_events_pass_and_move_the_position_only(data: dict[str, Any]) -> None:
    world = opened()
    body = encode(world.log[0].envelope.model_copy(update={"type": "later.invention.v7", "data": data}))
    after = evolve(world.state, decode(9, body))
    assert after.seq == 9
    assert after.participants == world.state.participants


def test_the_log_says_who_came_as_a_guest() -> None:
    world, ada, bob = World(), Actor("guest-1", "Ada", guest=True), Actor("guest-2", "Bob", guest=True)
    world.do(CreateSession, ada)
    world.do(JoinSession, bob, invite_id=invite_by(world, ada))
    world.do(JoinSession, EVE, invite_id=invite_by(world, ada))
    created, *_, first, _, second = (recorded.event for recorded in world.log)
    assert (created.owner_guest, first.guest, second.guest) == (True, True, False)


def invite_by(world: World, actor: Actor) -> str:
    assert isinstance(world.do(InviteParticipant, actor), Decided)
    return world.log[-1].envelope.id
