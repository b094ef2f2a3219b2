"""The table of bad input in docs/http.md has a test for each row, and nothing in it is only said."""

import asyncio
import re

import pytest

from tests.serving import Messenger
from tests.sources import ROOT
from tests.test_documented import rows
from tests.test_unread import exchange
from web import body

_BODY = "test_bad_input::test_a_bad_post_is_refused_with_its_reason"
_PATH = "test_bad_input::test_a_bad_path_or_query_is_refused_with_its_reason"
_LAST_ID = "test_bad_input::test_a_bad_last_event_id_is_refused"
_LIES = "test_bad_input::test_a_body_that_lies_about_itself_is_refused"
_UNREAD = "test_unread::test_what_is_no_request_is_refused_in_our_words"
_HERE = "test_bad_input_rows"

# By the beginning of what stands in the first column.
TESTS = {
    "no body, ": [_BODY],
    "a body that is not UTF-8": [_BODY],
    "another JSON value": [_BODY],
    "text empty": [_BODY, "test_wording::test_a_text_that_shows_nothing_is_empty"],
    "text or author too long": [_BODY, "test_wording::test_a_text_has_a_longest_length"],
    "NUL and other controls": [
        _BODY,
        "test_wording::test_a_forbidden_character_is_named_with_its_place",
        "test_wording::test_isolates_come_in_pairs",
        "test_wording::test_marks_do_not_pile_up",
    ],
    "ttl 0": [_BODY],
    "no or another media type": [_BODY, "test_targets::test_a_packed_body_is_not_unpacked"],
    "Content-Length over": [_BODY, _LIES],
    "a head or a body that is not finished": [
        "test_patience::test_half_a_head_that_drips_is_refused",
        "test_patience::test_half_a_body_that_drips_is_refused",
        f"{_HERE}::test_a_body_that_is_not_finished_is_given_up",
        f"{_HERE}::test_a_body_whose_chunks_break_is_given_up",
    ],
    "a connection that says nothing": [
        "test_patience::test_a_connection_that_says_nothing_is_closed",
        "test_patience::test_an_idle_connection_is_kept",
    ],
    "a reader of any answer": [
        "test_patience::test_an_answer_that_is_not_taken_is_cut",
        "test_patience::test_an_answer_that_is_taken_slowly_is_given",
    ],
    "Sec-Fetch-Site": [
        "test_guard::test_another_site_may_not_write",
        "test_targets::test_who_names_no_host_is_of_no_origin",
        "test_socket_upgrade::test_another_site_may_not_open_one",
        "test_firehose_refused::test_another_site_s_page_may_not_open_the_socket",
        "test_ops_api::test_a_write_from_another_site_is_refused",
    ],
    "Last-Event-ID": [_LAST_ID, _PATH, "test_cursors::test_any_text_is_read_or_refused"],
    "an id of the future": ["test_nothing_missed::test_an_id_of_the_future_is_a_reset"],
    "limit 0": [_PATH, "test_polling::test_a_bad_question_is_refused"],
    "an unknown query": [f"{_HERE}::test_an_unknown_query_is_ignored"],
    "the firehose without": [
        "test_firehose_refused::test_only_an_operator_may_listen_to_all",
        "test_firehose_refused::test_a_bad_question_is_refused",
    ],
    "a WebSocket's path": ["test_socket_upgrade::test_what_is_no_handshake_is_told_to_upgrade"],
    "a WebSocket's frame: binary": [
        "test_socket_closing::test_what_can_t_be_understood_ends_the_socket",
        "test_socket_frames::test_no_bytes_do_any_harm",
    ],
    "a WebSocket's frame: any other": [
        "test_socket_posts::test_another_shape_is_refused_by_its_key"
    ],
    "Idempotency-Key empty": [_BODY],
    "the same key": [
        "test_never_twice::test_a_key_is_not_used_for_another_message",
        "test_never_twice::test_many_at_once_with_one_key_are_one",
    ],
    "a room's name": [_PATH, "test_socket_upgrade::test_a_bad_room_is_refused_before_the_upgrade"],
    "a message's id": [_PATH],
    "DELETE without": [
        "test_messages::test_erasing_takes_the_right_token",
        "test_messages::test_one_token_erases_one_message",
    ],
    "a replay's since": ["test_replay_http::test_a_wrong_query_is_refused"],
    "a replay without": ["test_replay_http::test_only_an_operator_may_read_all_rooms"],
    "a wrong method": [_PATH, "test_targets::test_a_target_that_is_no_path_is_not_found"],
    "the page's form": [
        "test_targets::test_a_person_is_told_in_a_page_that_a_form_can_t_be_read",
        "test_bad_input::test_a_refused_form_keeps_what_was_written",
    ],
    "an Accept at /metrics": [
        "test_targets::test_a_version_that_is_no_number_gets_the_plain_figures"
    ],
    "over a rate": [
        "test_rates::test_a_room_that_is_flooded_by_many_is_held_back_alone",
        "test_messages::test_posting_too_fast_is_refused_with_the_time_to_wait",
        "test_socket_posts::test_a_visitor_has_one_rate",
    ],
    "a stream, a socket or a waiting poll": [
        "test_connections::test_all_kinds_count_together",
        "test_connections::test_who_leaves_makes_room",
    ],
    "a connection more than": [
        "test_connections::test_a_process_takes_as_many_connections_as_fit",
        "test_connections::test_files_never_run_out",
    ],
    "a forged X-Forwarded-For": [
        "test_visitors::test_a_stranger_s_word_is_not_believed",
        "test_visitors::test_a_long_list_is_walked_only_as_far_as_it_is_believed",
    ],
    "too few replicas have it": [
        "test_confirmed_posts::test_a_post_that_no_replica_has_is_refused_plainly",
    ],
    "the store is away": [
        "test_full_or_down::test_a_full_store_refuses_posts_and_goes_on_reading",
        "test_full_or_down::test_a_frozen_store_is_said_within_three_seconds",
        "test_recovery::test_a_store_that_is_only_read_is_said",
        "test_recovery::test_a_store_that_is_loading_is_waited_for",
        "test_recovery::test_a_full_disk_is_said",
    ],
    "Expect other than": ["test_unread::test_only_a_body_can_be_expected"],
    "a header or path": [_UNREAD, _LIES],
}


def is_there(test: str) -> bool:
    """Whether a test of that name is in tests/: `file::function`, or a file whole."""
    file, _, function = test.partition("::")
    path = ROOT / "tests" / f"{file}.py"
    pattern = rf"^(async )?def {function or 'test_'}"
    return path.is_file() and bool(
        re.search(pattern + ("\\(" if function else ""), path.read_text(), re.M)
    )


def test_every_row_of_the_table_has_its_tests() -> None:
    """Each row is tried by tests that are there, and no test is named for a row that is not."""
    documented = [cell for (cell,) in rows((ROOT / "docs" / "http.md").read_text(), "input")]
    of_row = {row: [begin for begin in TESTS if row.startswith(begin)] for row in documented}
    assert {row: found for row, found in of_row.items() if len(found) != 1} == {}
    assert sorted(begin for found in of_row.values() for begin in found) == sorted(TESTS)
    assert [test for tests in TESTS.values() for test in tests if not is_there(test)] == []
    assert not is_there("test_bad_input::test_nothing")
    assert not is_there("test_nothing::test_nothing")


HEAD = b"POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


async def test_a_body_that_is_not_finished_is_given_up(
    messenger: Messenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a body, and then nothing: 408 when the time is over, and the connection is closed."""
    monkeypatch.setattr(body, "_FINISH_S", 0.2)
    status, headers, said = await exchange(messenger, HEAD + b"Content-Length: 20\r\n\r\n{")
    assert (status, b'"request-timeout"' in said) == (408, True)
    assert headers["Connection"] == "close"


async def test_a_body_whose_chunks_break_is_given_up(
    messenger: Messenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken where the beginning was already read: it is never finished, and nothing is posted."""
    monkeypatch.setattr(body, "_FINISH_S", 0.2)
    host, _, port = messenger.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(HEAD + b'Transfer-Encoding: chunked\r\n\r\nd\r\n{"text":"hi"}\r\n')
    await writer.drain()
    await asyncio.sleep(0.05)  # the server has read so far; if not, the answer is another
    writer.write(b"zz\r\n")
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    assert answer.split(b" ")[1] in (b"408", b"400")
    assert b"application/problem+json" in answer
    assert await messenger.texts() == []


async def test_an_unknown_query_is_ignored(messenger: Messenger) -> None:
    """A query that we do not know changes nothing; so a client of tomorrow can ask today's server."""
    posted = await messenger.post("hello")
    assert await messenger.texts(colour="red", limit=1) == ["hello"]
    async with messenger.stream(after="0-0", colour="red") as stream:
        assert (await stream.until("message")).data["id"] == posted["id"]
