"""Which websocket messages count as running something, in each of jupyter_server's three layouts."""

import json
import struct

from hypothesis import given
from hypothesis import strategies as st

from studium.edge.activity import V1, Pace, is_channel, is_execution, runs_something

EXECUTE = {"msg_type": "execute_request", "msg_id": "1"}


def text(header: object, **more: object) -> str:
    return json.dumps({"channel": "shell", "header": header, "parent_header": {}, **more})


def v1(header: object, parent: object = None, content: object = None, channel: bytes = b"shell") -> bytes:
    parts = [channel, *(json.dumps(part or {}).encode() for part in (header, parent, {}, content))]
    count = len(parts) + 1
    offsets = [8 * (count + 1)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    return struct.pack(f"<{count + 1}Q", count, *offsets) + b"".join(parts)


def buffered(message: str, buffer: bytes = b"xyz") -> bytes:
    body = message.encode()
    return struct.pack(">III", 2, 12, 12 + len(body)) + body + buffer


def test_an_execute_request_counts_in_each_layout() -> None:
    assert runs_something(text(EXECUTE), None)
    assert runs_something(v1(EXECUTE), V1)
    assert runs_something(buffered(text(EXECUTE)), None)
    assert runs_something(struct.pack(">II", 1, 8) + text(EXECUTE).encode(), None)


def test_other_messages_do_not_even_if_they_quote_it() -> None:
    code = 'print("execute_request")  # {"msg_type": "execute_request"}'
    for header in ({"msg_type": "comm_msg"}, {"msg_type": "kernel_info_request"}, {}, None, [], "execute_request"):
        for more in ({"content": {"code": code}}, {"parent_header": EXECUTE}, {"metadata": {"header": EXECUTE}}):
            assert not runs_something(text(header, **more), None)
        assert not runs_something(v1(header, EXECUTE, {"code": code}), V1)
        assert not runs_something(buffered(text(header, content={"code": code})), None)


def test_a_large_message_is_told_by_its_structure() -> None:
    filler = "x = 1\n" * 100_000
    assert runs_something(text(EXECUTE, content={"code": filler}), None)
    quoted = filler + '{"msg_type": "execute_request"}'
    assert not runs_something(text({"msg_type": "comm_msg"}, content={"code": quoted}), None)


@given(
    st.text() | st.just('{"execute_request"') | st.just('["execute_request"]') | st.just("[" * 5000 + "execute_request")
)
def test_any_text_is_survived(message: str) -> None:
    assert not runs_something(message, None)


@given(st.binary(max_size=200), st.sampled_from([None, V1]))
def test_any_bytes_are_survived(message: bytes, subprotocol: str | None) -> None:
    assert not runs_something(message, subprotocol)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=0, max_size=8), st.integers(0, 9))
def test_any_offsets_are_survived(offsets: list[int], count: int) -> None:
    assert not runs_something(struct.pack(f"<{len(offsets) + 1}Q", count, *offsets), V1)


def test_which_addresses_are_looked_at() -> None:
    assert is_channel("/api/kernels/3f-1/channels")
    assert is_channel("/user/x/api/kernels/3f-1/channels")
    assert not is_channel("/api/kernels/3f-1/restart")
    assert is_execution("POST", "/api/kernels/3f-1/execute")
    assert not is_execution("GET", "/api/kernels/3f-1/execute")


def test_a_label_is_noted_once_per_pace_and_forgotten_when_there_are_too_many() -> None:
    pace = Pace(seconds=10, labels=2)
    assert pace.ready("a", 0)
    pace.note("a", 0)
    assert not pace.ready("a", 9.9)
    assert pace.ready("a", 10)
    pace.note("b", 0)
    pace.note("c", 0)
    assert pace.ready("a", 1)
