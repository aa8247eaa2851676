"""Event files, read back by a decoder written here from the published formats."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.training.tensorboard import crc32c

MODEL = ebm.loads("visible x : binary[n] dim n = 3 param b : real[n] energy = -b @ x")
ROWS = np.random.default_rng(0).integers(0, 2, (60, 3))


def fit(**settings):
    return ebm.fit(MODEL, {"x": ROWS}, epochs=3, chains=8, progress=False, **settings)


def by_bits(data: bytes) -> int:
    """CRC-32C by long division, bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 * (value & 1))
    return value ^ 0xFFFFFFFF


def unmasked(stored: bytes) -> int:
    turned = (struct.unpack("<I", stored)[0] - 0xA282EAD8) % 2**32
    return (turned << 15 | turned >> 17) % 2**32


def records(path: Path) -> Iterator[bytes]:
    data, at = path.read_bytes(), 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        assert unmasked(data[at + 8 : at + 12]) == by_bits(data[at : at + 8])
        message = data[at + 12 : at + 12 + length]
        assert unmasked(data[at + 12 + length : at + 16 + length]) == by_bits(message)
        yield message
        at += 16 + length


def fields(message: bytes) -> list[tuple[int, object]]:
    """The fields of a message of protocol buffers by number, as numbers or bytes."""
    found, at = [], 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        number, kind = divmod(varint(), 8)
        value: object
        match kind:
            case 0:
                value = varint()
            case 1:
                (value,), at = struct.unpack_from("<d", message, at), at + 8
            case 5:
                (value,), at = struct.unpack_from("<f", message, at), at + 4
            case _:
                size = varint()
                value, at = message[at : at + size], at + size
        found.append((number, value))
    return found


def scalars(path: Path) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for message in records(path):
        event = dict(fields(message))
        for _, value in fields(event.get(5, b"")):
            named = dict(fields(value))
            found.setdefault(named[1].decode(), []).append((event[2], named[2]))
    return found


def test_the_checksum_is_that_of_the_published_examples():
    """RFC 3720, appendix B.4; the ten digits less 0 are the usual check of a checksum."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == 0xE3069283


def test_every_number_of_the_history_stands_in_the_events(tmp_path):
    board = ebm.TensorBoard(tmp_path / "runs" / "first")
    fitted = fit(callback=board)
    (path,) = (tmp_path / "runs" / "first").iterdir()
    assert ".tfevents." in path.name
    first = dict(fields(next(records(path))))
    assert first[3] == b"brain.Event:2"
    found = scalars(path)
    for name, values in fitted.history.items():
        told = [(k, v) for k, v in enumerate(values.astype(np.float32), 1) if not np.isnan(v)]
        if name != "epoch" and told:
            assert found.pop(f"fit/{name}") == told
    assert not found


def test_fits_that_follow_one_another_have_files_of_their_own(tmp_path):
    board = ebm.TensorBoard(tmp_path, group="")
    for epoch in (1, 300):
        board({"epoch": epoch, "gap": 0.5})
        board.close()
    again = ebm.TensorBoard(tmp_path)
    again({"epoch": 1, "gap": 0.5})
    assert sorted(map(str, (scalars(p) for p in tmp_path.iterdir()))) == [
        "{'fit/gap': [(1, 0.5)]}", "{'gap': [(1, 0.5)]}", "{'gap': [(300, 0.5)]}",
    ]  # fmt: skip


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ebm.EbmError, match=r"E608.*cannot write events to .*file"):
        ebm.TensorBoard(tmp_path / "file")({"epoch": 1, "gap": 0.0})


def test_a_folder_that_is_lost_on_the_way_is_warned_of_once(tmp_path):
    board = ebm.TensorBoard(tmp_path / "run")
    board({"epoch": 1, "gap": 0.0})
    rmtree(tmp_path / "run")
    with pytest.warns(UserWarning, match=r"cannot write events.*the fit goes on"):
        board({"epoch": 2, "gap": 0.0})
    board({"epoch": 3, "gap": 0.0})


@pytest.mark.parametrize("exactly", [False, True])
def test_several_callbacks_each_get_every_row(exactly):
    rows: tuple[list, list] = [], []
    fitted = fit(callback=[rows[0].append, rows[1].append], sampler="exact" if exactly else "auto")
    assert rows[0] == rows[1]
    assert [row["epoch"] for row in rows[0]] == fitted.history["epoch"].tolist()
    assert rows[0][0] is not rows[1][0]


def test_what_is_no_callback_is_refused():
    with pytest.raises(ebm.EbmError, match=r"E704.*`callback`.*'runs/first'"):
        fit(callback="runs/first")
