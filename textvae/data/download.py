"""`textvae data download NAME`: public data sets, from a pinned revision, with checksums.

A checksum that is known is written here and must match. Where none is published, that of the first download
is recorded in `checksums.json` beside the files and every later one is compared with it (trust on first use).
The pinned commit makes the content definite on the server's side: its address cannot come to mean other bytes
without a change of the commit's own hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textvae.data.fetch import Patience, Progress, check_sum, fetch
from textvae.errors import UserError
from textvae.files import atomic_write, sha256, write_json

LOCK = "checksums.json"
Say = Callable[[str], None]


@dataclass(frozen=True)
class RemoteFile:
    """One file: its place below the base address, its place in the user's folder, and what is known of it."""

    url: str
    target: str
    size: int | None = None
    """Bytes."""
    sha256: str | None = None
    """None: not published; trusted on first use."""
    lines: tuple[int, int] | None = None
    """Fewest and most lines: an error page sent with status 200 must not be trusted on first use."""
    text_sha256: str | None = None
    """Checksum of the text alone (`text_checksum`), from a copy. A difference is told, it is not an error."""


@dataclass(frozen=True)
class RemoteDataset:
    """What `download` fetches, and what it must tell the user before."""

    title: str
    origin: str
    licence: str
    base_url: str
    files: tuple[RemoteFile, ...]
    finish: Callable[[Path, Say], None] | None = None
    """Brings the public files into the layout that `load_corpus` reads; may run again without harm."""


def download(
    name: str,
    folder: str | Path,
    base_url: str | None = None,
    progress: Progress | None = None,
    say: Say = print,
    patience: Patience | None = None,
) -> list[Path]:
    """Fetch a data set into `folder`: what is there is checked and skipped, what was begun is continued.

    Args:
        name: a key of `DATASETS`.
        folder: where the files go; made if missing.
        base_url: a mirror with the same files, instead of the pinned address.
        progress: called with (file name, bytes so far, bytes in all or None).
        say: prints a line: origin and licence first, then what happens.

    Returns:
        The files fetched, in the order of the data set.

    Raises:
        UserError: unknown name, no network, missing file, wrong checksum, full disk. Nothing is
            left half-written but `.part` files, which the next call continues.
    """
    if name not in DATASETS:
        raise UserError(f"no data set {name!r}; there are: {', '.join(DATASETS)}")
    dataset, folder = DATASETS[name], Path(folder)
    base = (base_url or dataset.base_url).rstrip("/")
    for line in (
        dataset.title,
        f"Origin:  {dataset.origin}",
        f"Licence: {dataset.licence}",
        f"From:    {base}",
    ):
        say(line)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _Lock(folder / LOCK)
        for file in dataset.files:
            _download_file(file, folder, f"{base}/{file.url}", lock, progress, say, patience)
        if dataset.finish:
            dataset.finish(folder, say)
    except OSError as error:  # of the disk: `fetch` turns those of the network into UserError
        raise UserError(f"{error.filename or folder}: {error.strerror or error}") from error
    say(f"{name} is ready in {folder}")
    return [folder / file.target for file in dataset.files]


def _download_file(
    file: RemoteFile,
    folder: Path,
    url: str,
    lock: _Lock,
    progress: Progress | None,
    say: Say,
    patience: Patience | None,
) -> None:
    target = folder / file.target
    expected, source = (file.sha256, "published") if file.sha256 else lock.get(file.target)
    check = partial(_check, file, expected, source)
    if target.exists():
        try:
            check(target)
        except UserError as error:
            raise UserError(f"{error}. {target} is not what was downloaded; delete it to fetch it again") from None
        say(f"{file.target}: already there, {'checksum verified' if expected else 'not downloaded by us'}")
    else:
        fetch(url, target, check, patience, progress)
        say(f"{file.target}: {target.stat().st_size:,} bytes{', checksum verified' if expected else ''}")
    if not expected:
        found = lock.record(file.target, target)
        say(f"{file.target}: no checksum is published; recorded sha256 {found} in {LOCK} (trust on first use)")
    if file.text_sha256 and text_checksum(target) != file.text_sha256:
        say(f"{file.target}: WARNING: not the text that this project's results were measured on")


def _check(file: RemoteFile, expected: str | None, source: str, path: Path) -> None:
    """Raise if size, checksum or number of lines is not what it must be."""
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        raise UserError(f"{file.target}: {size:,} bytes, expected {file.size:,}")
    if expected:
        check_sum(path, file.target, expected, source)
    if file.lines:
        found = sum(1 for _ in _lines(path))
        if not file.lines[0] <= found <= file.lines[1]:
            low, high = file.lines
            wanted = f"{low:,}" if low == high else f"{low:,} to {high:,}"
            raise UserError(f"{file.target}: {found:,} lines, expected {wanted}: not the file asked for")


class _Lock:
    """`checksums.json`: file → sha256 of its first download."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sums: dict[str, str] = {}
        if path.exists():
            try:
                self.sums = dict(json.loads(path.read_text(encoding="utf-8")))
                if not all(isinstance(value, str) for value in self.sums.values()):
                    raise ValueError("a checksum is a string")
            except (ValueError, TypeError) as error:
                raise UserError(f"{path}: not a list of checksums ({error}); delete it to trust new ones") from None

    def get(self, name: str) -> tuple[str | None, str]:
        """The checksum if one is recorded, and where it comes from, for messages."""
        return self.sums.get(name), f"recorded in {self.path} when it was first downloaded"

    def record(self, name: str, path: Path) -> str:
        self.sums[name] = sha256(path)
        write_json(self.path, self.sums)
        return self.sums[name]


def _lines(path: Path) -> Iterator[bytes]:
    """Lines that are not empty, without white space at the ends."""
    with open(path, "rb") as handle:
        for line in handle:
            if stripped := line.strip():
                yield stripped


def text_checksum(path: Path) -> str:
    """sha256 of the text: white space at the ends of lines, empty lines and the last newline do not count.

    Of "sentence TAB rewriting" only the rewriting counts.
    """
    return hashlib.sha256(b"\n".join(line.rpartition(b"\t")[2].strip() for line in _lines(path))).hexdigest()


def split_references(folder: Path, say: Say) -> None:
    """`source/reference.K` ("sentence TAB rewriting", Li et al. 2018) → `reference.K`, the rewritings alone.

    Line i rewrites line i of `sentiment.test.K`, which is checked, not assumed.
    """
    for label in ("0", "1"):
        source, target = folder / "source" / f"reference.{label}", folder / f"reference.{label}"
        test = list(_lines(folder / f"sentiment.test.{label}"))
        rows = [line.rpartition(b"\t")[::2] for line in _lines(source)]
        if len(rows) != len(test):
            raise UserError(f"{source}: {len(rows)} references for {len(test)} test sentences")
        moved = sum(1 for (sentence, _), line in zip(rows, test, strict=True) if sentence.strip() not in (b"", line))
        if moved:
            say(f"reference.{label}: WARNING: {moved} references name another sentence than their test line")
        with atomic_write(target, binary=True) as handle:
            handle.write(b"".join(rewriting.strip() + b"\n" for _, rewriting in rows))
        say(f"reference.{label}: {len(rows)} human rewritings")


def _each_label(url: str, lines: tuple[int, int], *text_sha256: str, folder: str = "") -> tuple[RemoteFile, ...]:
    """`URL.0` and `URL.1`, put into `folder` under the same names; `text_sha256` is known of both or of neither."""
    names = (f"{url}.0", f"{url}.1")
    sums = text_sha256 or (None, None)
    return tuple(
        RemoteFile(name, folder + name, lines=lines, text_sha256=text) for name, text in zip(names, sums, strict=True)
    )


# The commit is the newest one of this repository that was found in a public index of GitHub (its README is
# the one that states the licence); the repository's README and run.sh name the folder data/yelp and these
# files. Sizes and checksums of the files are not published, hence None. `text_sha256` comes from a copy
# of the sentences from which white space at line ends had been removed: its bytes may differ from the public
# files, its text should not. Of the training files no full copy was at hand; papers give 443,259 sentences
# for both together.
_LI_ET_AL = "https://raw.githubusercontent.com/lijuncen/Sentiment-and-Style-Transfer"
_LI_COMMIT = "f06c20134b72033375770382cff2cfb94649f688"

DATASETS: dict[str, RemoteDataset] = {
    "yelp": RemoteDataset(
        title="Yelp review sentences, negative (0) and positive (1), with 1,000 human rewritings",
        origin=(
            "sentences: Shen et al. 2017, Style Transfer from Non-Parallel Text by Cross-Alignment "
            "(github.com/shentianxiao/language-style-transfer); this split and the rewritings: Li et al. "
            "2018, Delete, Retrieve, Generate (github.com/lijuncen/Sentiment-and-Style-Transfer)"
        ),
        licence=(
            "Li et al. state CC BY-SA 4.0 for their files. The sentences come from the Yelp data set, whose "
            "terms allow academic, non-commercial use; whether more is allowed is not known to us. Nothing "
            "of them is part of textvae. Who downloads accepts these terms; see data/README.md"
        ),
        base_url=f"{_LI_ET_AL}/{_LI_COMMIT}/data/yelp",
        files=(
            *_each_label("sentiment.train", (100_000, 400_000)),
            *_each_label(
                "sentiment.dev",
                (2000, 2000),
                "57b6555bc31415db3d687a07072a46dd45f7b796a10de048a2354c84f312641d",
                "fe2d1e4acbb33e286e76bf3be7b9d81cd06c038fe90cd4d8b8457642621a5dab",
            ),
            *_each_label(
                "sentiment.test",
                (500, 500),
                "03498a3ef3b857b55bfb7b365750b2b289f8cba0e719f21b604fe72d43c4081c",
                "e2ad90234ce01b8c7136032affb10ba706aeb9131fccc4a4b187cff321ac0927",
            ),
            *_each_label(
                "reference",
                (500, 500),
                "ca50217f29f4dd285eabedc24b543306eb3365be3d2b6c15b31ca387b54c9453",
                "90231c83c6ddcbf7e96fb23f1217f44a703bb328bac750f27f3b442344bd2061",
                folder="source/",
            ),
        ),
        finish=split_references,
    ),
}
