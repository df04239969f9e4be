"""What no request gets past: its size, and what a page of ours may load."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS = {
    # gradio needs inline styles and scripts, and compiles templates; nothing at all may come from another host
    "content-security-policy": "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "frame-ancestors 'self'; base-uri 'self'; form-action 'self'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}

CLOSED = ("/gradio_api/upload", "/gradio_api/proxy", "/proxy=", "/gradio_api/deep_link", "/gradio_api/component_server")
"""Paths of gradio that a page of text fields does not need: files of users, other hosts, stored sessions."""


class Guard:
    """ASGI middleware: 413 for a body over `most_bytes`, 404 for closed paths, and headers that keep a page at home."""

    def __init__(self, app: Application, most_bytes: int):
        self.app, self.most_bytes = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the application do so."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif str(scope["path"]).startswith(CLOSED):
            await refuse(send, 404, b"there is no such page")
        else:
            await self.sized(scope, receive, send)

    async def sized(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer a request whose body is not too large."""
        if scope["method"] not in ("GET", "HEAD", "OPTIONS"):  # those that stream (GET) must hear when users leave
            body = await whole_body(receive, self.most_bytes)
            if body is None:
                return await refuse(send, 413, b"the request is too large")
            receive = replayed(body, receive)
        await self.app(scope, receive, keeping(send))


async def whole_body(receive: Receive, most: int) -> bytes | None:
    """The body of a request; None where it is larger than `most` bytes, of which no more are kept."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        size, more = size + len(parts[-1]), bool(message.get("more_body", False))
        if size > most:
            return None
    return b"".join(parts)


def replayed(body: bytes, receive: Receive) -> Receive:
    """The body once more; then whatever comes."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def keeping(send: Send) -> Send:
    """`send` with our headers."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [*message.get("headers", []), *ours]
        await send(message)

    return with_headers


async def refuse(send: Send, status: int, text: bytes) -> None:
    """A short answer."""
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
