"""What a model is shown."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.messages import ModelRequest, ModelResponse, SystemPromptPart, TextPart, UserPromptPart

from services.llm.context import OVERHEAD_TOKENS, Said, build, estimate_tokens


def said(seq: int, content: str, role: str = "user", author: str = "alice") -> Said:
    return Said.model_validate({"seq": seq, "id": f"m{seq}", "role": role, "author": author, "content": content})


def texts(messages: list[ModelRequest | ModelResponse]) -> list[str]:
    return [str(message.parts[0].content) for message in messages]  # type: ignore[union-attr]


def test_the_prompt_stands_last_and_answers_stand_before_it() -> None:
    chat = [said(1, "one"), said(2, "two"), said(3, "three"), said(7, "answer to one", "assistant")]
    shown = build(chat, "m2", 2, "Be kind.", 1000)
    assert texts(shown.messages) == ["Be kind.", "one", "answer to one", "two"]  # type: ignore[arg-type]
    assert shown.manifest.seqs == [1, 7, 2]
    kinds = [type(message.parts[0]) for message in shown.messages]
    assert kinds == [SystemPromptPart, UserPromptPart, TextPart, UserPromptPart]


def test_people_are_named_where_there_are_several() -> None:
    chat = [said(1, "hello"), said(2, "hi", author="bob"), said(3, "and?")]
    assert texts(build(chat, "m3", 3, "", 1000).messages) == ["alice: hello", "bob: hi", "alice: and?"]  # type: ignore[arg-type]


def test_a_prompt_above_the_budget_is_shown_alone() -> None:
    chat = [said(1, "x" * 100), said(2, "y" * 10_000)]
    assert build(chat, "m2", 2, "", 256).manifest.seqs == [2]


@given(st.lists(st.text(max_size=200), min_size=1, max_size=30), st.integers(50, 500))
def test_the_budget_holds_and_what_is_shown_is_the_newest_without_a_hole(contents: list[str], budget: int) -> None:
    chat = [said(number, content) for number, content in enumerate(contents, 1)]
    shown = build(chat, f"m{len(chat)}", len(chat), "", budget)
    seqs = shown.manifest.seqs
    assert seqs == list(range(len(chat) - len(seqs) + 1, len(chat) + 1))
    prompt = estimate_tokens(contents[-1]) + OVERHEAD_TOKENS
    assert shown.tokens <= max(budget, prompt)


@given(st.lists(st.text(max_size=50), min_size=1, max_size=10))
def test_the_digest_names_what_was_shown(contents: list[str]) -> None:
    chat = [said(number, content) for number, content in enumerate(contents, 1)]
    prompt = f"m{len(chat)}"
    one, same = (build(chat, prompt, len(chat), "s", 10_000).manifest.digest for _ in range(2))
    assert one == same
    changed = [said(1, contents[0] + "!"), *chat[1:]]
    assert build(changed, prompt, len(chat), "s", 10_000).manifest.digest != one
