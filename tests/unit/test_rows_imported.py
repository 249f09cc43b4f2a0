"""Answers that another system wrote: their rows say by which model and for how many tokens, and the sums know it."""

from shared.events import MessagePosted, Usage
from tests.support.folds import SESSION, folded, of, recorded


def test_an_imported_answer_is_counted_with_its_model_and_tokens() -> None:
    usage = Usage(input_tokens=5, output_tokens=17, cost_usd=0.25)
    old = [
        MessagePosted(chat_id="c1", content="why?"),
        MessagePosted(chat_id="c1", role="assistant", content="so", model="gpt-4o", usage=usage),
        MessagePosted(chat_id="c1", role="assistant", content="so", usage=Usage(output_tokens=3)),
    ]
    tables = folded([recorded(old)])
    rows = sorted(of(tables, "messages").values(), key=lambda row: row["created_seq"])
    assert [(row["model"], row["input_tokens"], row["output_tokens"]) for row in rows] == [
        (None, 0, 0),
        ("gpt-4o", 5, 17),
        (None, 0, 3),
    ]
    for sums in (of(tables, "sessions")[SESSION], of(tables, "chats")["c1"]):
        assert (sums["message_count"], sums["input_tokens"], sums["output_tokens"]) == (3, 5, 20)
        assert float(sums["cost_usd"]) == 0.25
