"""The page over HTTP: many users at once, and what is refused."""

from __future__ import annotations

import os
import socket
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.demo.serving import ask, post, served
from textvae.errors import UserError
from textvae.extras.demo.answers import Answers
from textvae.extras.demo.server import PORTS, bind, is_local, url_of
from textvae.extras.demo.shelf import Shelf

USERS = 50


# ---------------------------------------------------------------------- addresses
def test_a_port_that_is_taken_is_told_and_without_a_name_another_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"{port}.*--port"):
            bind("127.0.0.1", port)
        monkeypatch.setattr("textvae.extras.demo.server.PORTS", (port, 0))
        with bind("127.0.0.1", None) as found:
            assert found.getsockname()[1] not in (0, port)
        monkeypatch.setattr("textvae.extras.demo.server.PORTS", (port,))
        with pytest.raises(UserError, match="all taken"):
            bind("127.0.0.1", None)
    assert len(PORTS) > 1


@pytest.mark.parametrize(("host", "port"), [("203.0.113.1", 0), ("no such host", 0), ("127.0.0.1", 99999)])
def test_addresses_that_are_not_ours(host: str, port: int) -> None:
    with pytest.raises(UserError):
        bind(host, port)


def test_only_this_machine_reaches_local_addresses() -> None:
    assert [is_local(host) for host in ("127.0.0.1", "127.0.0.9", "::1", "localhost")] == [True] * 4
    assert [is_local(host) for host in ("0.0.0.0", "::", "192.168.1.2", "example.org")] == [False] * 4


def test_an_address_can_be_typed_into_a_browser() -> None:
    with bind("0.0.0.0", 0) as bound:
        assert url_of(bound, "0.0.0.0") == f"http://127.0.0.1:{bound.getsockname()[1]}/"
        assert url_of(bound, "::1").startswith("http://[::1]:")


# ---------------------------------------------------------------------- the page
def test_fifty_users_at_once_get_each_their_own_answer(served_page: str, shelf: Shelf) -> None:
    answers = Answers(shelf)
    adjectives = ("good", "bad", "great", "awful", "friendly")
    texts = [f"{subject} was {word}." for subject in ("It", "Food", "This place") for word in adjectives]

    def wanted(user: int) -> tuple[str, list[object]]:
        text = texts[user % len(texts)]
        if user % 5 == 4:
            return "summarise", ["short", text, 3 + user % 3, 1]
        if user % 5 == 3:
            return "interpolate", ["style", text, "It was good.", "both", 4]
        if user % 5 == 2:
            return "mix", ["style", text, "It was great!", 1.0, 2, False]
        return "rewrite", ["style", text, ["positive"], 1.0 + user / 100, 2, bool(user % 2)]

    questions = [wanted(user) for user in range(USERS)]
    with ThreadPoolExecutor(USERS) as pool:
        told = list(pool.map(lambda question: ask(served_page, question[0], *question[1]), questions))
    assert told == [getattr(answers, name)("me", *values) for name, values in questions]
    assert not any('class="problem"' in one for one in told)


def test_programs_that_send_nonsense_get_a_message(served_page: str) -> None:
    assert "Choose another model" in ask(served_page, "summarise", "style", "It is good.", 5, 1)
    assert "at most 300" in ask(served_page, "summarise", "short", "x" * 301, 5, 1)


def test_large_requests_and_files_are_refused(served_page: str) -> None:
    for path, body, status in (("call/summarise", b"x" * 300_000, 413), ("upload", b"x", 404)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            post(f"{served_page}gradio_api/{path}", body)
        assert refused.value.code == status
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{served_page}gradio_api/file=/etc/passwd")


def test_nothing_is_told_to_anybody(served_page: str) -> None:
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    with urllib.request.urlopen(served_page) as answer:
        text, policy = answer.read().decode(), answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "fonts.googleapis" not in text and "cdnjs" not in text


def test_the_port_is_free_again_after_the_end(shelf: Shelf) -> None:
    pytest.importorskip("gradio")
    with served(Answers(shelf)) as url:
        port = int(url.rsplit(":", 1)[1].rstrip("/"))
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))
