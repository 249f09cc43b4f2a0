"""The client protocol as a function: what is understood, what is not, and that nothing else can happen."""

from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway import protocol
from services.gateway.protocol import ClientCommand, Pong, ProtocolViolation, decode
from services.gateway.requests import ConnectRequest, HistoryRequest, SubscribeRequest, parse
from shared import errors

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
SHAPED = st.dictionaries(st.sampled_from([*sorted(protocol.METHODS), "id", "other"]), JSON, max_size=4)


def test_a_frame_holds_commands_in_order_and_tolerates_empty_lines() -> None:
    text = b'{"connect":{"name":"js"},"id":1}\n\n {"id":2,"subscribe":{"channel":"session:a"}}\r\n'
    assert decode(text) == [
        ClientCommand(1, "connect", {"name": "js"}),
        ClientCommand(2, "subscribe", {"channel": "session:a"}),
    ]


def test_an_empty_object_is_a_pong() -> None:
    assert decode(b"{}") == [Pong()]


@pytest.mark.parametrize("text", [b'{"id":3}', b'{"id":3,"dance":{}}'])
def test_an_unknown_command_is_a_command_without_a_method(text: bytes) -> None:
    assert decode(text) == [ClientCommand(3, "", {})]


def test_zero_values_may_be_left_out_and_null_means_the_same() -> None:
    assert decode(b'{"id":1,"rpc":null}') == [ClientCommand(1, "rpc", {})]
    assert decode(b'{"send":{"data":1}}') == [ClientCommand(0, "send", {"data": 1})]


@pytest.mark.parametrize(
    "text",
    [
        b"hello", b"[]", b"1", b'"x"', b"null", b'{"connect":{}}', b'{"id":0,"rpc":{}}', b'{"id":-1,"rpc":{}}',
        b'{"id":1.5,"rpc":{}}', b'{"id":true,"rpc":{}}', b'{"id":"1","rpc":{}}', b'{"id":4294967296,"rpc":{}}',
        b'{"id":1,"rpc":[]}', b'{"id":1,"rpc":"x"}', b'{"id":1,"rpc":{}', b"[" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_command_is_a_violation(text: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        decode(text)


def test_half_of_a_surrogate_pair_costs_a_character_and_no_connection() -> None:
    """What `JSON.stringify` makes of a text that was cut inside an emoji."""
    found = decode(rb'{"id":1,"rpc":{"data":{"\udc00":["cut \uD83D","\ud83d\ude00 \u00e9","\ude00\ud83d"]}}}')
    assert found == [ClientCommand(1, "rpc", {"data": {"\ufffd": ["cut \ufffd", "\U0001f600 \u00e9", "\ufffd\ufffd"]}})]
    for still_none in (rb'{"id":1,"rpc":{"data":["\ud83d",NaN]}}', rb'{"id":1,"rpc":{"data":["\ud83d",1e999]}}'):
        with pytest.raises(ProtocolViolation):
            decode(still_none)


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_decode_or_violate(text: bytes) -> None:
    with suppress(ProtocolViolation):
        decode(text)


@given(st.lists(SHAPED, max_size=4))
def test_no_json_does_anything_but_decode_or_violate(values: list[dict[str, object]]) -> None:
    try:
        text = b"\n".join(orjson.dumps(value) for value in values)
    except TypeError:  # integers beyond 64 bits are no JSON of ours
        return
    try:
        found = decode(text)
    except ProtocolViolation:
        return
    assert len(found) == len(values)


@given(st.sampled_from([ConnectRequest, SubscribeRequest, HistoryRequest]), JSON)
def test_no_parameters_do_anything_but_parse_or_be_refused(model: type[ConnectRequest], params: object) -> None:
    with suppress(errors.BadRequest):
        parse(model, params)


def test_a_refusal_names_each_field_and_repeats_no_content() -> None:
    with pytest.raises(errors.BadRequest) as refused:
        parse(SubscribeRequest, {"channel": 5, "offset": -1, "epoch": ["secret"]})
    assert "channel:" in refused.value.detail
    assert "offset:" in refused.value.detail
    assert "secret" not in refused.value.detail


def test_unknown_fields_are_passed_over() -> None:
    assert parse(SubscribeRequest, {"channel": "a", "tf": {}, "delta": "fossil"}).channel == "a"


def test_replies_splice_json_that_is_ready() -> None:
    result = {"publications": [orjson.Fragment(b'{"data": {"a":1},"offset":7}')]}
    assert protocol.reply(4, "history", result) == b'{"id":4,"history":{"publications":[{"data": {"a":1},"offset":7}]}}'


def test_an_error_says_whether_to_try_again() -> None:
    final = orjson.loads(protocol.error_reply(1, errors.PermissionDenied("viewers read only")))
    assert final == {"id": 1, "error": {"code": 103, "message": "permission denied: viewers read only"}}
    assert orjson.loads(protocol.error_reply(1, errors.Unavailable()))["error"]["temporary"] is True


@given(JSON, st.text())
def test_what_the_server_says_is_one_line(data: object, channel: str) -> None:
    try:
        body = orjson.dumps(data)
    except TypeError:
        return
    said = protocol.publication(channel, body)
    assert b"\n" not in said
    assert orjson.loads(said)["push"]["channel"] == channel
