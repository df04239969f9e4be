"""The page on a socket: bound before anything is loaded for it, served until Ctrl-C."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textvae.errors import UserError

if TYPE_CHECKING:  # torch takes seconds, and a port that is taken should be told at once
    from textvae.extras.demo.answers import Answers

PORTS = range(7860, 7880)
"""Tried one after the other where nobody names a port."""
LAST_WORDS = 2
"""Seconds that open connections get at the end."""


def bind(host: str, port: int | None) -> socket.socket:
    """A listening socket; UserError where the address is not ours or the port is taken. Port 0: any that is free."""
    if port is not None and not 0 <= port < 65536:
        raise UserError(f"--port must be between 0 and 65535, not {port}")
    for candidate in PORTS if port is None else (port,):
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, candidate, type=socket.SOCK_STREAM)[0]
            found = socket.socket(family, kind, protocol)
        except OSError as error:
            raise UserError(f"--host {host}: {error.strerror or error}") from error
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(128)
            return found
        except OSError as error:
            found.close()
            reason = error.strerror or str(error)
    tried = f"the ports {PORTS[0]} to {PORTS[-1]} are all taken" if port is None else reason
    raise UserError(f"{host}{'' if port is None else f':{port}'}: {tried}; choose another --port (0: any free one)")


def is_local(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def url_of(bound: socket.socket, host: str) -> str:
    """What to type into a browser on this machine."""
    name = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
    return f"http://{f'[{name}]' if ':' in name else name}:{bound.getsockname()[1]}/"


def application(answers: Answers) -> Any:
    """The page as an ASGI application, with `Guard` before it."""
    from fastapi import FastAPI

    from textvae.extras.demo.guard import Guard
    from textvae.extras.demo.library import gr
    from textvae.extras.demo.page import build_page, looks

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, most_bytes=answers.limits.body_bytes)
    quiet: dict[str, Any] = {"run_history": False, "ssr_mode": False, "mcp_server": False, "pwa": False}
    quiet |= {"enable_monitoring": False, "show_error": False, "allowed_paths": []}
    return gr.mount_gradio_app(app, build_page(answers), path="/", footer_links=["api"], **quiet, **looks())


def make_server(answers: Answers, ready: Callable[[], None]) -> Any:
    """A uvicorn server; `ready` is called when the page is there."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

    app = application(answers)
    return Server(uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=LAST_WORDS))


def serve(answers: Answers, bound: socket.socket, ready: Callable[[], None]) -> None:
    """Serve on a bound socket until SIGINT (KeyboardInterrupt) or SIGTERM."""
    make_server(answers, ready).run([bound])
