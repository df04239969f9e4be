"""Runs our commands in forks of a process that has imported everything: each begins in milliseconds, not seconds.

python server.py SOCKET; `client.py` beside it is what a shell finds as `textvae` and `python`.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import socket
import sys
from typing import Any

IMPORTS = (
    *("torch", "transformers", "accelerate", "datasets", "sklearn.manifold", "sacrebleu", "matplotlib.figure"),
    *("textvae.cli", "textvae.config", "textvae.experiment.training", "textvae.experiment.evaluation"),
    *("textvae.experiment.scorers", "textvae.experiment.summary_evaluation", "textvae.inference.style_transfer"),
    *("textvae.inference.summarization", "textvae.extras.report.page", "textvae.evaluation.summaries.evaluator"),
)


def serve(path: str) -> None:
    """Answer until the parent process ends us."""
    for name in IMPORTS:
        importlib.import_module(name)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(16)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks: the clients do
    while True:
        connection, _ = server.accept()
        if os.fork() == 0:
            server.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            code = answer(connection)
            connection.sendall(bytes([code]))
            os._exit(0)
        connection.close()


def answer(connection: socket.socket) -> int:
    """Be the process that the client asks for; returns its exit code."""
    data, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    request = json.loads(data)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    try:
        code = run(request["argv"])
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except BaseException:  # noqa: BLE001
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def run(argv: list[str]) -> Any:
    """`textvae ...` or `python SCRIPT ...`."""
    program, *rest = argv
    if program == "textvae":
        from textvae.cli import main

        return main(rest)
    sys.argv = rest
    sys.path.insert(0, os.getcwd())
    runpy.run_path(rest[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
