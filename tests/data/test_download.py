"""Downloads from a server on this machine that cuts, stalls, lies and forgets; and a disk that fills up."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textvae.data import download as module
from textvae.data import fetch as fetching
from textvae.data.download import DATASETS, LOCK, RemoteDataset, RemoteFile, download
from textvae.data.fetch import BLOCK, Patience, part_file
from textvae.errors import UserError

QUICK = Patience(timeout=0.3, retries=2, backoff=0.01)
BIG = bytes(range(256)) * (BLOCK // 64)  # four blocks
SMALL = b"one line\nanother\n"


class Site(ThreadingHTTPServer):
    """Serves `files`; `faults[path]` holds what goes wrong with the next requests of a path, one after another.

    Faults: an int (cut after so many bytes of the body), "stall", "no range", "other range", "no length",
    "status 503".
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[Any]] = defaultdict(list)
        self.requests: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Site

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        name, wanted = self.path.lstrip("/"), self.headers.get("Range")
        self.server.requests.append((name, wanted))
        fault = self.server.faults[name].pop(0) if self.server.faults[name] else None
        if name not in self.server.files:
            return self.send_error(404)
        if isinstance(fault, str) and fault.startswith("status"):
            return self.send_error(int(fault.split()[1]))
        if fault == "stall":
            time.sleep(3 * QUICK.timeout)
            return None
        self._send(self.server.files[name], wanted if fault != "no range" else None, fault)

    def _send(self, body: bytes, wanted: str | None, fault: Any) -> None:
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if wanted and start >= len(body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            return self.end_headers()
        self.send_response(206 if wanted else 200)
        if wanted:
            told = start + 1 if fault == "other range" else start
            self.send_header("Content-Range", f"bytes {told}-{len(body) - 1}/{len(body)}")
        if fault != "no length":
            self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start : start + fault] if isinstance(fault, int) else body[start:])


@pytest.fixture(scope="module")
def server() -> Iterator[Site]:
    with Site() as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield site
        site.shutdown()


@pytest.fixture
def site(server: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The server with two files of a data set "toy", both sound."""
    server.files = {"big": BIG, "small": SMALL}
    server.faults.clear()
    server.requests.clear()
    monkeypatch.setitem(DATASETS, "toy", toy(server))
    return server


def toy(site: Site, **known: Any) -> RemoteDataset:
    files = (RemoteFile("big", "sub/big.bin", **known), RemoteFile("small", "small.txt", lines=(2, 2)))
    return RemoteDataset("a toy", "this test", "none", site.url, files)


def run(folder: Path, **options: Any) -> list[str]:
    """Download "toy"; what it said."""
    said: list[str] = []
    download("toy", folder, say=said.append, patience=options.pop("patience", QUICK), **options)
    assert (folder / "sub" / "big.bin").read_bytes() == BIG
    assert (folder / "small.txt").read_bytes() == SMALL
    assert not list(folder.rglob("*.part"))
    return said


def parts(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*.part")]


def test_licence_and_origin_are_told_before_anything_is_fetched(site: Site, tmp_path: Path) -> None:
    said: list[str] = []
    at_first_byte: list[str] = []

    def progress(name: str, done: int, total: int | None) -> None:
        at_first_byte[:] = at_first_byte or said

    download("toy", tmp_path, say=said.append, progress=progress, patience=QUICK)
    assert at_first_byte[:4] == ["a toy", "Origin:  this test", "Licence: none", f"From:    {site.url}"]


def test_progress_counts_up_to_the_size(site: Site, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    run(tmp_path, progress=lambda *event: seen.append(event))
    big = [(done, total) for name, done, total in seen if name == "big.bin"]
    assert big == sorted(big) and big[-1] == (len(BIG), len(BIG))


def test_first_use_is_recorded_and_the_second_run_asks_nothing(site: Site, tmp_path: Path) -> None:
    said = run(tmp_path)
    recorded = json.loads((tmp_path / LOCK).read_text())
    assert recorded == {
        "sub/big.bin": hashlib.sha256(BIG).hexdigest(),
        "small.txt": hashlib.sha256(SMALL).hexdigest(),
    }
    assert any("trust on first use" in line and recorded["sub/big.bin"] in line for line in said)
    site.requests.clear()
    assert any("already there, checksum verified" in line for line in run(tmp_path))
    assert site.requests == []


@pytest.mark.parametrize("fault", ["no range", "no length", "status 503"])
def test_a_fault_that_passes_is_survived(site: Site, tmp_path: Path, fault: str) -> None:
    site.faults["big"] = [fault]
    run(tmp_path)


def test_a_cut_connection_is_continued_where_it_was_cut(site: Site, tmp_path: Path) -> None:
    site.faults["big"] = [1000, 70_000]
    run(tmp_path)
    ranges = [wanted for name, wanted in site.requests if name == "big"]
    assert ranges == [None, "bytes=1000-", "bytes=71000-"]


def test_progress_forgives_earlier_failures(site: Site, tmp_path: Path) -> None:
    site.faults["big"] = [10] * (QUICK.retries + 3)
    run(tmp_path)


def test_what_was_kept_is_continued_by_the_next_run(site: Site, tmp_path: Path) -> None:
    site.faults["big"] = [5000, 0, 0, 0]
    with pytest.raises(UserError, match=r"cut after 5,000 of 262,144 bytes.*5,000 bytes so far are kept"):
        run(tmp_path)
    assert parts(tmp_path) == [BIG[:5000]]
    assert not (tmp_path / "sub" / "big.bin").exists()
    site.requests.clear()
    run(tmp_path)
    assert site.requests[0] == ("big", "bytes=5000-")


def test_a_server_without_ranges_starts_over(site: Site, tmp_path: Path) -> None:
    site.faults["big"] = [5000, "no range"]
    run(tmp_path)
    assert site.requests[1] == ("big", "bytes=5000-")  # asked, and not granted


def test_a_server_that_sends_another_range_is_not_believed(site: Site, tmp_path: Path) -> None:
    site.faults["big"] = [5000, "other range"]
    run(tmp_path)
    site.faults["big"] = [5000] + ["other range"] * 9
    with pytest.raises(UserError, match="asked for bytes from 5000, was sent bytes 5001-"):
        run(tmp_path / "again")


def test_stopped_between_the_last_byte_and_the_rename(site: Site, tmp_path: Path) -> None:
    part = part_file(f"{site.url}/big", tmp_path / "sub" / "big.bin")
    part.parent.mkdir()
    part.write_bytes(BIG)
    run(tmp_path)


def test_a_part_longer_than_the_file_is_thrown_away(site: Site, tmp_path: Path) -> None:
    part = part_file(f"{site.url}/big", tmp_path / "sub" / "big.bin")
    part.parent.mkdir()
    part.write_bytes(BIG + b"?")
    run(tmp_path)


def test_another_address_does_not_continue_this_one(site: Site, tmp_path: Path) -> None:
    """The part of an older revision must not become the beginning of a newer one."""
    part = part_file("http://elsewhere/old/big", tmp_path / "sub" / "big.bin")
    part.parent.mkdir()
    part.write_bytes(b"old revision")
    download("toy", tmp_path, say=lambda line: None, patience=QUICK)
    assert (tmp_path / "sub" / "big.bin").read_bytes() == BIG
    assert ("big", None) in site.requests


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.integers(0, len(BIG)), st.sampled_from(["no range", "no length"])), max_size=3))
def test_any_faults_give_the_true_file_or_a_true_beginning(site: Site, faults: list[Any]) -> None:
    site.faults["big"] = list(faults)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            run(folder, patience=Patience(timeout=1, retries=2, backoff=0))
        except UserError:
            assert all(BIG.startswith(kept) for kept in parts(folder))
            assert not (folder / "sub" / "big.bin").exists()


def test_a_silent_server_is_given_up_in_time(site: Site, tmp_path: Path) -> None:
    site.faults["big"] = ["stall"] * 9
    began = time.monotonic()
    with pytest.raises(UserError, match=r"gave up \(.*timed out.*\).*Check the network"):
        run(tmp_path, patience=Patience(timeout=0.2, retries=1, backoff=0.01))
    assert time.monotonic() - began < 2


def test_a_server_that_is_not_there(site: Site, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gave up .*refused"):
        run(tmp_path, base_url="http://127.0.0.1:9", patience=Patience(1, 1, 0.01))


def test_a_missing_file_is_not_tried_again(site: Site, tmp_path: Path) -> None:
    del site.files["small"]
    with pytest.raises(UserError, match=r"small: the server has no such file \(HTTP 404\)"):
        run(tmp_path)
    assert [name for name, _ in site.requests].count("small") == 1
    assert (tmp_path / "sub" / "big.bin").exists()  # what came before stays


def test_a_refusal_is_final(site: Site, tmp_path: Path) -> None:
    site.faults["big"] = ["status 403"]
    with pytest.raises(UserError, match="refuses .HTTP 403"):
        run(tmp_path)


def test_a_wrong_published_checksum_names_both_and_leaves_nothing(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DATASETS, "toy", toy(site, sha256="f" * 64))
    with pytest.raises(UserError) as caught:
        run(tmp_path)
    assert hashlib.sha256(BIG).hexdigest() in str(caught.value) and "f" * 64 in str(caught.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_right_published_checksum_is_not_recorded(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = toy(site, sha256=hashlib.sha256(BIG).hexdigest(), size=len(BIG))
    monkeypatch.setitem(DATASETS, "toy", dataset)
    run(tmp_path)
    assert set(json.loads((tmp_path / LOCK).read_text())) == {"small.txt"}


def test_a_wrong_size_is_refused(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "toy", toy(site, size=7))
    with pytest.raises(UserError, match="262,144 bytes, expected 7"):
        run(tmp_path)
    assert parts(tmp_path) == []


def test_content_that_changed_since_first_use_is_refused(site: Site, tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / "sub" / "big.bin").unlink()
    site.files["big"] = BIG[::-1]
    with pytest.raises(UserError, match=f"wrong checksum.*recorded in .*{LOCK}"):
        run(tmp_path)
    assert not (tmp_path / "sub" / "big.bin").exists() and parts(tmp_path) == []


def test_an_error_page_is_not_trusted_on_first_use(site: Site, tmp_path: Path) -> None:
    site.files["small"] = b"<html>try again later</html>\n"
    with pytest.raises(UserError, match="small.txt: 1 lines, expected 2"):
        run(tmp_path)
    assert "small.txt" not in json.loads((tmp_path / LOCK).read_text())


def test_a_file_the_user_changed_is_kept_and_reported(site: Site, tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / "small.txt").write_bytes(b"mine\nand mine\n")
    with pytest.raises(UserError, match="not what was downloaded; delete it to fetch it again"):
        run(tmp_path)
    assert (tmp_path / "small.txt").read_bytes() == b"mine\nand mine\n"


def test_a_full_disk_keeps_a_true_beginning_and_can_be_continued(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(out: BinaryIO, block: bytes) -> None:
        room = 20_000 - out.tell()
        out.write(block[: max(room, 0)])
        if len(block) > room:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(fetching, "write_block", write)
        with pytest.raises(UserError, match=r"disk full: 242,144 more bytes are needed in .*20,000 bytes so far"):
            run(tmp_path)
    assert parts(tmp_path) == [BIG[:20_000]]
    assert not (tmp_path / LOCK).exists()
    site.requests.clear()
    run(tmp_path)
    assert site.requests[0] == ("big", "bytes=20000-")


def test_a_file_that_cannot_fit_is_not_begun(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=len(BIG) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(UserError, match="disk full: 262,144 more bytes"):
        run(tmp_path)
    assert parts(tmp_path) == []


def test_a_disk_full_while_recording_is_a_clear_error(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, value: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as context:
        context.setattr(module, "write_json", full)
        with pytest.raises(UserError, match=f"{LOCK}: No space left"):
            run(tmp_path)
    assert any("not downloaded by us" in line for line in run(tmp_path))


def test_stopped_between_files(site: Site, tmp_path: Path) -> None:
    def stop(name: str, done: int, total: int | None) -> None:
        if name == "small.txt":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, progress=stop)
    site.requests.clear()
    run(tmp_path)
    assert {name for name, _ in site.requests} == {"small"}


def test_a_killed_process_is_continued(site: Site, tmp_path: Path) -> None:
    """kill -9 while the server stalls in the middle of the file."""
    site.files["big"] = BIG
    site.faults["big"] = [30_000, "stall", "stall"]
    code = (
        "import sys\nfrom pathlib import Path\nfrom textvae.data.fetch import Patience, fetch\n"
        "fetch(sys.argv[1], Path(sys.argv[2]), lambda path: None, Patience(60, 9, 0.01))\n"
    )
    target = tmp_path / "sub" / "big.bin"
    environment = {**os.environ, "PYTHONPATH": str(Path(module.__file__).resolve().parents[2])}
    child = subprocess.Popen([sys.executable, "-c", code, f"{site.url}/big", str(target)], env=environment)
    with contextlib.suppress(subprocess.TimeoutExpired):
        deadline = time.monotonic() + 8
        while len(site.requests) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait(5)
    assert parts(tmp_path) == [BIG[:30_000]]
    site.faults.clear()
    site.requests.clear()
    run(tmp_path)
    assert site.requests[0] == ("big", "bytes=30000-")


def test_unknown_name_and_unusable_folder(site: Site, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no data set 'yolp'; there are: yelp"):
        download("yolp", tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="file: File exists"):
        run(tmp_path / "file")


@pytest.mark.parametrize("content", ["{", "[1]", "3", '{"small.txt": 3}'])
def test_a_damaged_list_of_checksums_is_named(site: Site, tmp_path: Path, content: str) -> None:
    (tmp_path / LOCK).write_text(content)
    with pytest.raises(UserError, match=f"{LOCK}: not a list of checksums"):
        run(tmp_path)


# Yelp: what the pinned data set becomes.


@pytest.fixture
def yelp(site: Site) -> Site:
    """Files of the public names and shapes; the text is ours."""
    for label in "01":
        test = [f"test sentence {i} of {label} ." for i in range(500)]
        site.files[f"sentiment.train.{label}"] = b"so it goes .\n" * 100_000
        site.files[f"sentiment.dev.{label}"] = b"a dev sentence .\n" * 2_000
        site.files[f"sentiment.test.{label}"] = "".join(f"{line}\n" for line in test).encode()
        rows = [f"{line}\t Rewritten {i}, {label}. \r\n" for i, line in enumerate(test)]
        site.files[f"reference.{label}"] = "".join(rows).encode()
    return site


def test_yelp_becomes_the_layout_that_training_reads(yelp: Site, tmp_path: Path) -> None:
    said: list[str] = []
    download("yelp", tmp_path, base_url=yelp.url, say=said.append, patience=QUICK)
    names = {f"sentiment.{split}.{k}" for split in ("train", "dev", "test") for k in "01"}
    assert {path.name for path in tmp_path.iterdir()} == names | {
        "reference.0",
        "reference.1",
        "source",
        LOCK,
    }
    for label in "01":
        lines = (tmp_path / f"reference.{label}").read_text().split("\n")
        assert lines == [f"Rewritten {i}, {label}." for i in range(500)] + [""]
    assert sum("WARNING: not the text" in line for line in said) == 6  # dev, test, references are not Yelp's
    assert any("CC BY-SA 4.0" in line and "non-commercial" in line for line in said)


def test_yelp_references_in_another_order_are_noticed(yelp: Site, tmp_path: Path) -> None:
    yelp.files["reference.0"] = yelp.files["reference.1"]
    said: list[str] = []
    download("yelp", tmp_path, base_url=yelp.url, say=said.append, patience=QUICK)
    assert any("reference.0: WARNING: 500 references name another sentence" in line for line in said)


def test_yelp_is_pinned_to_a_commit() -> None:
    dataset = DATASETS["yelp"]
    commit = dataset.base_url.split("/")[5]
    assert len(commit) == 40 and set(commit) <= set("0123456789abcdef")
    assert dataset.base_url.startswith("https://")


def test_text_checksum_ignores_only_white_space_and_the_source_column(tmp_path: Path) -> None:
    def checksum(content: bytes) -> str:
        (tmp_path / "file").write_bytes(content)
        return module.text_checksum(tmp_path / "file")

    same = {checksum(c) for c in (b"a b\nc\n", b"a b \r\nc", b"x y\t a b\n\nz\tc\n")}
    assert len(same) == 1
    assert same.isdisjoint({checksum(c) for c in (b"a  b\nc\n", b"a b\n", b"c\na b\n", b"a bc\n")})
