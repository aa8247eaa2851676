"""The history of a fit as event files that TensorBoard reads, written here in full.

    ebm.fit(model, {"v": X}, callback=ebm.TensorBoard("runs/first"))

A file is a row of records: length, masked checksum of the length, event, masked checksum of the event.
An event is a message of protocol buffers: its time, and a step with named numbers.
Source: TensorFlow, record_writer.cc, event.proto and summary.proto.
"""

# pyright: strict

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Mapping
from functools import cache
from math import isnan
from pathlib import Path

from ..syntax.diagnostics import complain, warn

POLYNOMIAL = 0x82F63B78  # of CRC-32C, reversed
MASK = 0xA282EAD8
COUNTED = ("epoch",)  # the step itself, no number to draw


class TensorBoard:
    """A callback of `ebm.fit`: every epoch's row of the history as scalars in an event file.

    Each fit that calls it in a new process, or after `close`, writes a file of its own in the folder.
    `group`: a name before that of each scalar, as `fit/gap`, under which TensorBoard puts them together.
    """

    def __init__(self, folder: str | Path, *, group: str = "fit") -> None:
        self.folder: Path = Path(folder)
        self.group = group
        self.path: Path | None = None
        self.failed: bool = False

    def __call__(self, row: Mapping[str, float]) -> None:
        """Write a row. Raises EbmError E608 where no file can be begun; later faults are warned of once."""
        names = {self._called(n): v for n, v in row.items() if n not in COUNTED and not isnan(v)}
        message = record(event(step=int(row.get("epoch", 0)), scalars=names))
        try:
            if self.path is None:
                self.path = self._new()
            with self.path.open("ab") as file:
                file.write(message)
        except OSError as error:
            says = f"cannot write events to {self.folder}: {error.strerror or error}"
            if self.path is None:
                raise complain("E608", says) from None
            if not self.failed:
                warn(f"{says}; the fit goes on")
            self.failed = True

    def close(self) -> None:
        """End the file: what comes next begins another."""
        self.path, self.failed = None, False

    def _called(self, name: str) -> str:
        return f"{self.group}/{name}" if self.group else name

    def _new(self) -> Path:
        """A file of a name that no other has."""
        self.folder.mkdir(parents=True, exist_ok=True)
        stem = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}"
        number = 0
        while (path := self.folder / f"{stem}.{number}").exists():
            number += 1
        path.write_bytes(record(event(version="brain.Event:2")))
        return path


def event(*, step: int = 0, version: str = "", scalars: Mapping[str, float] | None = None) -> bytes:
    """An event: time as field 1, step as 2, the version of the format as 3, numbers as 5."""
    message = _key(1, 1) + struct.pack("<d", time.time()) + _key(2, 0) + _varint(step)
    if version:
        message += _sized(3, version.encode())
    if scalars:
        message += _sized(5, b"".join(_sized(1, _scalar(n, v)) for n, v in scalars.items()))
    return message


def _scalar(name: str, value: float) -> bytes:
    """A named number: the name as field 1, the number as 2, in single precision."""
    return _sized(1, name.encode()) + _key(2, 5) + struct.pack("<f", value)


def record(message: bytes) -> bytes:
    """A message between its length and its checksums."""
    length = struct.pack("<Q", len(message))
    return length + _checksum(length) + message + _checksum(message)


def _checksum(data: bytes) -> bytes:
    """The checksum turned by 15 bits and moved, so that one of data that hold checksums is no danger."""
    plain = crc32c(data)
    return struct.pack("<I", ((plain >> 15 | plain << 17) + MASK) & 0xFFFFFFFF)


def crc32c(data: bytes) -> int:
    """The cyclic checksum of Castagnoli, by a table of bytes. Source: RFC 3720, appendix B.4."""
    table, value = _table(), 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    def entry(value: int) -> int:
        for _ in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        return value

    return tuple(entry(byte) for byte in range(256))


def _key(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _sized(field: int, content: bytes) -> bytes:
    return _key(field, 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """A whole number from 0, seven bits a byte, the last without the high bit."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
