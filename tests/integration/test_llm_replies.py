"""A worker as a process, on a real NATS server: from a prompt to the one end of its reply."""

import asyncio

from services.llm.intake import Job, enqueue
from services.llm.offline import answer
from shared import ids
from shared.events import MessagePosted
from tests.support.eventually import eventually
from tests.support.llm_world import ALICE, TRACE, World, unanswered_world, world
from tests.support.openai_server import ANSWER, openai_server
from tests.support.services import running


def worker(nats_url: str, **settings: str) -> dict[str, str]:
    return {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_OFFLINE_WORD_MS": "2", **settings}


async def everything_is_done(one: World) -> bool:
    return await one.jobs() == 0


async def test_without_a_model_the_offline_one_answers_and_says_so(nats_url: str) -> None:
    async with world(nats_url) as one, running("llm", worker(nats_url)):
        reply_id = await one.ask("How deep is the ocean?")
        done = await one.completed(reply_id)

        assert done.content == answer("How deep is the ocean?")
        assert "no language model is configured" in done.content
        assert (done.model, done.attempt, done.finish_reason) == ("offline", 1, "stop")
        assert done.usage.estimated
        assert done.usage.output_tokens > 0
        assert await one.attempts(reply_id) == [1]
        await eventually(lambda: one.text(reply_id) == done.content)
        await eventually(lambda: everything_is_done(one))


async def test_the_end_names_its_cause_and_stays_in_the_trace(nats_url: str) -> None:
    async with world(nats_url) as one, running("llm", worker(nats_url)):
        reply_id = await one.ask("Hello")
        await one.completed(reply_id)

        _, prompt, started, end = await one.log()
        assert end.envelope.id == ids.derived(reply_id, "end")
        for recorded in (started, end):
            assert recorded.envelope.actor == "svc/llm"
            assert recorded.envelope.causationid == prompt.envelope.id
            assert recorded.envelope.correlationid == prompt.envelope.correlationid
            assert recorded.envelope.traceparent.split("-")[1] == TRACE.split("-")[1]
        assert started.event.manifest.seqs == [prompt.seq]  # type: ignore[attr-defined]


async def test_an_openai_endpoint_is_streamed_and_its_usage_is_recorded(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        settings = {"OPENAI_BASE_URL": provider.url, "OPENAI_API_KEY": "sk-test", "ANTIPHON_MODEL": "test-model"}
        async with running("llm", worker(nats_url, **settings)) as llm:
            reply_id = await one.ask("Are streams ordered?")
            done = await one.completed(reply_id)
            await eventually(lambda: one.text(reply_id) == done.content)
            assert "sk-test" not in llm.log

    assert done.content == "".join(ANSWER)
    assert (done.usage.input_tokens, done.usage.output_tokens, done.usage.cached_tokens) == (31, 11, 7)
    assert not done.usage.estimated
    assert provider.keys == ["Bearer sk-test"]
    assert [message["role"] for message in provider.requests[0]["messages"]] == ["system", "user"]
    assert provider.requests[0]["messages"][1]["content"] == "Are streams ordered?"


async def test_prompts_of_a_chat_are_answered_in_their_order_each_with_the_answers_before_it(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        settings = {"OPENAI_BASE_URL": provider.url}
        async with running("llm", worker(nats_url, **settings)):
            replies = [await one.ask(f"Question {number}") for number in range(4)]
            for reply_id in replies:
                await one.completed(reply_id)
            await eventually(lambda: everything_is_done(one))

        ends = [r.event.reply_id for r in await one.log() if r.envelope.type == "reply.completed.v1"]  # type: ignore[attr-defined]
        assert ends == replies
        last = [message["content"] for message in provider.requests[-1]["messages"]]
        assert last[-1] == "Question 3"
        assert "\n".join(last).count("".join(ANSWER)) == 3


async def test_forty_chats_of_one_session_are_answered_at_the_same_time(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        provider.gate = asyncio.Semaphore(0)
        async with running("llm", worker(nats_url, OPENAI_BASE_URL=provider.url)):
            replies = [await one.ask(f"In chat {number}", f"chat {number}") for number in range(40)]
            await eventually(lambda: len(provider.requests) == 40)  # nobody has got a word yet
            for _ in range(40 * len(provider.pieces)):
                provider.gate.release()
            for reply_id in replies:
                assert (await one.completed(reply_id)).attempt == 1


async def test_a_reply_that_was_enqueued_many_times_is_written_once(nats_url: str) -> None:
    async with (
        world(nats_url) as one,
        running("llm", worker(nats_url), "llm-1"),
        running("llm", worker(nats_url), "llm-2"),
    ):
        reply_id = await one.ask("Once, please")
        seq = (await one.log())[-1].seq
        for n in range(2, 12):
            await enqueue(one.bus, Job(session_id=one.session_id, reply_id=reply_id, seq=seq, n=n))
        await one.completed(reply_id)
        await eventually(lambda: everything_is_done(one))
        assert await one.attempts(reply_id) == [1]
        await one.completed(reply_id)


async def test_a_reply_whose_job_was_lost_is_found_by_the_sweep(nats_url: str) -> None:
    async with world(nats_url) as one, running("llm", worker(nats_url, ANTIPHON_SWEEP_S="1")):
        event_id = ids.uuid7()
        reply_id = ids.derived(event_id, "reply")
        await one.record(MessagePosted(chat_id=one.chat_id, content="Lost", reply_id=reply_id), event_id)  # no header
        assert (await one.completed(reply_id)).attempt == 1


async def test_an_error_of_the_provider_is_told_by_its_kind(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        settings = {"OPENAI_BASE_URL": provider.url, "ANTIPHON_RETRY_WAIT_S": "0.05"}
        async with running("llm", worker(nats_url, **settings)) as llm:
            for status, reason, asked in (
                (500, "provider_error", 4),
                (429, "rate_limited", 4),
                (401, "bad_configuration", 1),
                (404, "bad_configuration", 1),
                (400, "refused", 1),
            ):
                provider.faults, provider.requests = [status] * asked, []
                failed = await one.failed(await one.ask(f"Hello {status}"))
                assert (failed.reason, len(provider.requests)) == (reason, asked)
                assert "sk-secret" not in failed.message
            assert "sk-secret" not in llm.log


async def test_a_provider_that_recovers_is_asked_again_and_nobody_notices(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        provider.faults = [429, 500]
        provider.headers = {"Retry-After": "1"}
        settings = {"OPENAI_BASE_URL": provider.url, "ANTIPHON_RETRY_WAIT_S": "0.05"}
        async with running("llm", worker(nats_url, **settings)):
            done = await one.completed(await one.ask("Hello"))
    assert done.content == "".join(ANSWER)
    assert done.total_ms >= 1000, "Retry-After was honoured"


async def test_a_provider_that_breaks_off_ends_the_reply_with_what_was_said(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        settings = {"ANTIPHON_FIRST_TOKEN_S": "0.5", "ANTIPHON_STALL_S": "0.5", "ANTIPHON_RETRIES": "0"}
        async with running("llm", worker(nats_url, OPENAI_BASE_URL=provider.url, **settings)):
            for fault, reason in (
                ("stall", "timeout"),
                ("stall_later", "timeout"),
                ("cut", "unreachable"),
                ("malformed", "provider_error"),
            ):
                provider.faults = [fault]
                failed = await one.failed(await one.ask(f"Hello {fault}"))
                begun = fault != "stall"
                assert (failed.reason, failed.partial) == (reason, "".join(ANSWER[:2]) if begun else "")
                assert (failed.usage.estimated, failed.usage.output_tokens > 0) == (begun, begun)


async def test_a_provider_that_is_not_there_is_told_as_unreachable(nats_url: str) -> None:
    settings = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "ANTIPHON_RETRIES": "0"}
    async with world(nats_url) as one, running("llm", worker(nats_url, **settings)):
        assert (await one.failed(await one.ask(f"Hello from {ALICE}"))).reason == "unreachable"


async def test_a_model_without_key_and_address_is_told_as_bad_configuration(nats_url: str) -> None:
    async with world(nats_url) as one, running("llm", worker(nats_url, ANTIPHON_MODEL="gpt-5-mini")):
        assert (await one.failed(await one.ask("Hello"))).reason == "bad_configuration"


async def test_missing_usage_is_estimated_and_marked(nats_url: str) -> None:
    async with world(nats_url) as one, openai_server() as provider:
        provider.faults = ["no_usage"]
        async with running("llm", worker(nats_url, OPENAI_BASE_URL=provider.url)):
            done = await one.completed(await one.ask("Hello"))
    assert done.usage.estimated
    assert done.usage.output_tokens > 0


async def test_with_the_real_history_and_projector_a_conversation_goes_on(nats_url: str, database_url: str) -> None:
    owners = {"ANTIPHON_NATS_URL": nats_url, "ANTIPHON_DATABASE_URL": database_url}
    async with (
        running("history", owners),
        running("projector", owners),
        unanswered_world(nats_url, makes_log=False) as one,
        openai_server() as provider,
        running("llm", worker(nats_url, OPENAI_BASE_URL=provider.url, ANTIPHON_SWEEP_S="1")),
    ):
        for words in ("First", "Second"):
            await one.completed(await one.ask(words))
        shown = [(message["role"], message["content"]) for message in provider.requests[-1]["messages"][1:]]
        assert shown == [("user", "First"), ("assistant", "".join(ANSWER)), ("user", "Second")]

        event_id = ids.uuid7()
        reply_id = ids.derived(event_id, "reply")
        await one.record(MessagePosted(chat_id=one.chat_id, content="Lost", reply_id=reply_id), event_id)  # no header
        assert (await one.completed(reply_id)).attempt == 1, "the sweep found it in the projector's rows"
