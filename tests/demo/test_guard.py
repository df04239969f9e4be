"""What gets past the guard."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from textvae.extras.demo.guard import CLOSED, Guard

Sent = list[MutableMapping[str, Any]]


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the body of the request."""
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


def ask(parts: list[bytes], method: str = "POST", path: str = "/") -> tuple[Sent, int]:
    """What is sent for a request whose body comes in parts, and how many of these were read."""
    sent: Sent = []
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": parts[read - 1], "more_body": read < len(parts)}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path}
    asyncio.run(Guard(echo, 10)(scope, receive, send))
    return sent, read


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_in_parts_arrives_whole(method: str) -> None:
    sent, _ = ask([b"abc", b"de", b"fghij"], method)
    assert sent[0]["status"] == 200 and sent[1]["body"] == b"abcdefghij"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_large_body_is_refused_before_all_of_it_is_read(method: str) -> None:
    sent, read = ask([b"x" * 6] * 1000, method)
    assert sent[0]["status"] == 413 and read == 2


@pytest.mark.parametrize("path", CLOSED)
def test_what_the_page_does_not_need_is_closed(path: str) -> None:
    sent, read = ask([b""], "GET", f"{path}/x")
    assert sent[0]["status"] == 404 and read == 0


def test_the_page_may_load_nothing_from_elsewhere() -> None:
    sent, _ = ask([b""], "GET")
    headers = dict(sent[0]["headers"])
    policy = headers[b"content-security-policy"].decode()
    assert policy.startswith("default-src 'self'") and "http" not in policy and "*" not in policy
