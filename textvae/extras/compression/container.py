"""The file: a header, blocks that check themselves, and an end that says how many there were.

    magic    4 bytes, "tvae"         version  1 byte
    header   length (u32), JSON, CRC-32 of the JSON (u32)
    block    records (u32, at least 1), bytes (u32), CRC-32 of the bytes (u32), CRC-32 of what they stand for (u32),
             the bytes
    end      0 (u32), blocks (u32), CRC-32 of all checks of the blocks (u32)

All integers are little-endian. Nothing follows the end.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from textvae.errors import UserError

MAGIC, VERSION = b"tvae", 1
BLOCK = struct.Struct("<IIII")
LARGEST = 1 << 28
"""Bytes of a block or header at most: a damaged length must not ask for all memory."""


@dataclass(frozen=True)
class Block:
    """Coded records. check: CRC-32 of what they decode to."""

    records: int
    check: int
    payload: bytes


class Writer:
    """Writes a file from its beginning to its end."""

    def __init__(self, handle: IO[bytes], header: dict[str, Any]):
        self.handle, self.blocks, self.chain, self.written = handle, 0, 0, 0
        text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
        self._write(MAGIC + bytes([VERSION]) + struct.pack("<I", len(text)) + text)
        self._write(struct.pack("<I", zlib.crc32(text)))

    def _write(self, data: bytes) -> None:
        self.handle.write(data)
        self.written += len(data)

    def block(self, block: Block) -> None:
        """Add a block."""
        head = BLOCK.pack(block.records, len(block.payload), zlib.crc32(block.payload), block.check)
        self._write(head + block.payload)
        self.blocks, self.chain = self.blocks + 1, zlib.crc32(head, self.chain)

    def end(self) -> int:
        """Close the file's contents; returns their bytes."""
        self._write(struct.pack("<III", 0, self.blocks, self.chain))
        return self.written


class Reader:
    """Reads what `Writer` wrote; UserError names the file and says what is wrong with it."""

    def __init__(self, handle: IO[bytes], name: str):
        self.handle, self.name = handle, name
        start = self._read(len(MAGIC) + 1, "its beginning", foreign=True)
        if start[: len(MAGIC)] != MAGIC:
            raise UserError(f"{name} was not written by `textvae compress`")
        if start[-1] != VERSION:
            raise UserError(f"{name} is of version {start[-1]} of the format; this textvae reads version {VERSION}")
        (length,) = struct.unpack("<I", self._read(4, "its header"))
        text = self._read(self._sane(length, "its header"), "its header")
        self._check(text, struct.unpack("<I", self._read(4, "its header"))[0], "its header")
        try:
            self.header: dict[str, Any] = dict(json.loads(text))
        except ValueError as error:
            raise UserError(f"{name} is damaged: its header is no JSON") from error

    def _read(self, size: int, what: str, foreign: bool = False) -> bytes:
        parts: list[bytes] = []
        while size:
            data = self.handle.read(size)
            if not data:
                begun = "was not written by `textvae compress`" if foreign else f"is cut off in {what}"
                raise UserError(f"{self.name} {begun}" + ("" if foreign else "; copy or compress it again"))
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

    def _sane(self, length: int, what: str) -> int:
        if length > LARGEST:
            raise UserError(f"{self.name} is damaged in {what}; copy or compress it again")
        return length

    def _check(self, data: bytes, check: int, what: str) -> None:
        if zlib.crc32(data) != check:
            raise UserError(f"{self.name} is damaged in {what} (its checksum is wrong); copy or compress it again")

    def blocks(self) -> Iterator[Block]:
        """All blocks, each checked; the end is checked after the last."""
        number = chain = 0
        while True:
            what = f"block {number + 1}"
            head = self._read(4, what)
            (records,) = struct.unpack("<I", head)
            if not records:
                break
            head += self._read(BLOCK.size - 4, what)
            _, length, check, text = BLOCK.unpack(head)
            payload = self._read(self._sane(length, what), what)
            self._check(payload, check, what)
            number, chain = number + 1, zlib.crc32(head, chain)
            yield Block(self._sane(records, what), text, payload)
        count, total = struct.unpack("<II", self._read(8, "its end"))
        if (count, total) != (number, chain):
            raise UserError(f"{self.name} is damaged: blocks are missing or changed; copy or compress it again")
        if self.handle.read(1):
            raise UserError(f"{self.name} is damaged: something follows its end")
