"""Which replies are to end with what they have."""

from dataclasses import replace

from services.llm.wanted import is_over, is_unwanted
from shared.session import OpenReply, SessionState
from shared.session.state import Chat


def state(policy: str = "", *replies: OpenReply) -> SessionState:
    chats = {"c": Chat("c", "", "discussion", on_second_prompt=policy), "d": Chat("d", "", "discussion")}
    open_replies = {reply.reply_id: reply for reply in replies}
    return SessionState("s", seq=9, created_at="now", chats=chats, open_replies=open_replies)


FIRST, SECOND, ELSEWHERE = (
    OpenReply("r1", "c", "m1", 1, attempt=1),
    OpenReply("r2", "c", "m2", 2),
    OpenReply("r3", "d", "m3", 3),
)


def test_a_reply_that_was_cancelled_or_whose_prompt_was_erased_is_unwanted_whatever_the_policy() -> None:
    cancelled = replace(FIRST, cancelled=True)
    assert is_unwanted(state("", cancelled), cancelled)
    assert not is_unwanted(state("", FIRST), FIRST)
    erased = replace(FIRST, erased=True)
    assert is_unwanted(state("", erased), erased)


def test_a_newer_reply_of_the_same_chat_interrupts_if_the_chat_says_so() -> None:
    assert is_unwanted(state("interrupt", FIRST, SECOND, ELSEWHERE), FIRST)
    assert not is_unwanted(state("interrupt", FIRST, SECOND, ELSEWHERE), SECOND)
    assert not is_unwanted(state("interrupt", FIRST, ELSEWHERE), FIRST)
    assert not is_unwanted(state("enqueue", FIRST, SECOND), FIRST)
    assert not is_unwanted(state("", FIRST, SECOND), FIRST)


def test_an_attempt_is_over_when_its_reply_has_ended_or_gone_on_elsewhere() -> None:
    assert not is_over(state("", FIRST), "r1", 1)
    assert is_over(state("", replace(FIRST, attempt=2)), "r1", 1)
    assert is_over(state("", SECOND), "r1", 1)
    assert is_over(state("", replace(FIRST, cancelled=True)), "r1", 1)


def test_a_log_that_can_not_be_read_proves_nothing() -> None:
    assert not is_over(SessionState("s"), "r1", 1)


def test_a_reply_that_stands_in_a_log_whose_beginning_is_away_is_stopped_by_what_stands_there() -> None:
    headless = replace(state("", replace(FIRST, cancelled=True)), created_at="", chats={})
    assert is_over(headless, "r1", 1)
    assert is_over(replace(state("", replace(FIRST, attempt=2)), created_at=""), "r1", 1)
    assert not is_over(replace(state("", FIRST), created_at=""), "r1", 1)
