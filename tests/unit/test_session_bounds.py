"""What everybody holds of a session, and every snapshot carries, does not grow with what its members do."""

from shared import errors
from shared.session import Decided
from shared.session.commands import CreateSession, JoinSession, SendMessage
from shared.session.evolve import MAX_INVITES
from shared.session.replying import MAX_OPEN, CancelReply, RequestReply
from tests.unit.test_session import ADA, BOB, EVE, invite, opened


def test_no_more_replies_are_asked_for_than_a_snapshot_can_show() -> None:
    world = opened()
    for _ in range(MAX_OPEN):
        assert isinstance(world.do(SendMessage, ADA, content="x", reply=True), Decided)
    assert isinstance(world.do(SendMessage, ADA, content="x", reply=True), errors.LimitExceeded)
    assert isinstance(world.do(RequestReply, ADA, chat_id=world.state.active_chat), errors.LimitExceeded)
    assert isinstance(world.do(SendMessage, ADA, content="x"), Decided)
    assert isinstance(world.do(CancelReply, ADA, reply_id=next(iter(world.state.open_replies))), Decided)


def test_the_newest_invitations_are_kept() -> None:
    world = opened()
    first, second = invite(world), invite(world)
    for _ in range(MAX_INVITES - 1):
        newest = invite(world)
    assert len(world.state.invites) == MAX_INVITES
    assert isinstance(world.do(JoinSession, BOB, invite_id=first), errors.NotFound)
    assert isinstance(world.do(JoinSession, BOB, invite_id=second), Decided)
    assert isinstance(world.do(JoinSession, EVE, invite_id=newest), Decided)


def test_who_takes_the_id_of_anothers_session_does_not_learn_how_busy_it_is() -> None:
    world = opened()
    own, others = world.do(CreateSession, ADA), world.do(CreateSession, EVE)
    assert isinstance(own, errors.Conflict)
    assert isinstance(others, errors.Conflict)
    assert ("seq" in str(own), "seq" in str(others)) == (True, False)
