"""A page that is served while a test looks at it, and users without a browser."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from textvae.extras.demo.answers import Answers
from textvae.extras.demo.server import bind, make_server, url_of


@contextmanager
def served(answers: Answers) -> Iterator[str]:
    """The page's address; the server runs in a thread of this process."""
    ready = threading.Event()
    with bind("127.0.0.1", 0) as bound:
        server = make_server(answers, ready.set)
        thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
        thread.start()
        try:
            assert ready.wait(60), "the page was not there within a minute"
            yield url_of(bound, "127.0.0.1")
        finally:
            server.should_exit = True
            thread.join(30)


def post(url: str, body: bytes) -> Any:
    """The JSON that comes back."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def ask(page: str, name: str, *values: Any) -> str:
    """What the button of a name answers, over plain HTTP as programs ask."""
    event = post(f"{page}gradio_api/call/{name}", json.dumps({"data": values}).encode())["event_id"]
    with urllib.request.urlopen(f"{page}gradio_api/call/{name}/{event}", timeout=120) as stream:
        lines = stream.read().decode().splitlines()
    told = [
        json.loads(lines[n + 1].removeprefix("data: ")) for n, line in enumerate(lines) if line == "event: complete"
    ]
    assert len(told) == 1, lines
    return str(told[0][0])
