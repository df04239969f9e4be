"""One server of forks for all pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from documentation.sandbox import start_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Its socket."""
    path = tmp_path_factory.mktemp("server") / "socket"
    process = start_server(path)
    yield path
    process.terminate()
    process.wait()
