"""Pictures as files, as films and in notebooks."""

import io
import subprocess
import sys

import numpy as np
import pytest
from by_hand import spins
from PIL import Image

import ebmlang as ebm
from ebmlang.pictures import film, images, network, traces

EDGES = [[0, 1], [1, 2]]


@pytest.mark.parametrize(
    ("ending", "start"),
    [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("PNG", b"\x89PNG")],
)
def test_the_ending_says_what_is_written_and_the_same_picture_gives_the_same_bytes(
    tmp_path, ending, start
):
    first, second = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    for path in (first, second):
        network(EDGES, values=[0.1, 0.5, 1.0], path=path)
    assert first.read_bytes().startswith(start)
    assert first.read_bytes() == second.read_bytes()


def test_a_file_that_cannot_be_is_told(tmp_path):
    with pytest.raises(ebm.EbmError, match=r"E608.*as a\.jpg[\s\S]*\.png, \.svg, \.pdf"):
        network(EDGES, path=tmp_path / "a.jpg")
    with pytest.raises(ebm.EbmError, match=r"E608.*cannot be written"):
        network(EDGES, path=tmp_path / "none" / "a.png")


def test_a_notebook_shows_a_picture_as_png():
    data, size = network(EDGES)._repr_png_()
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == pytest.approx((1.5 * size["width"], 1.5 * size["height"]), abs=2)
        assert np.asarray(image.convert("L")).min() < 100


def test_nothing_of_a_picture_reaches_pyplot_and_importing_ebmlang_needs_no_matplotlib():
    text = (
        "import sys, ebmlang as ebm\n"
        "assert 'matplotlib' not in sys.modules\n"
        "ebm.pictures.images([[0, 1, 1, 0]])\n"
        "assert 'matplotlib.pyplot' not in sys.modules and 'jax' not in sys.modules\n"
        "assert 'pictures' in dir(ebm)\n"
    )
    subprocess.run([sys.executable, "-c", text], check=True)


def test_every_name_of_the_interface_is_there():
    names = "traces autocorrelation energies contours images filters network interactions race curves film"
    assert all(callable(getattr(ebm.pictures, name)) for name in names.split())


def test_a_film_of_arrays_shows_every_frame_in_its_turn(tmp_path):
    frames = [np.eye(4)[:, np.roll(np.arange(4), k)] for k in range(4)]
    path = film(frames, tmp_path / "a.gif", seconds=2.0)
    with Image.open(path) as shown:
        assert shown.n_frames == 4
        assert shown.info["duration"] == 500
        assert shown.info["loop"] == 0
        for k, frame in enumerate(frames):
            shown.seek(k)
            grey = np.asarray(shown.convert("L"))
            side = grey.shape[0] // 4
            np.testing.assert_array_equal(
                grey[side // 2 :: side, side // 2 :: side] < 128, frame > 0.5
            )


def test_a_film_of_figures_has_their_size(tmp_path):
    frames = [images(np.full((1, 4), k / 2)) for k in range(3)]
    with Image.open(film(frames, tmp_path / "a.gif")) as shown:
        inches = frames[0].get_size_inches()
        assert shown.size == pytest.approx(tuple(100 * inches), abs=2)
        assert shown.n_frames == 3


@pytest.mark.parametrize(
    ("frames", "name", "seconds", "says"),
    [
        ([np.eye(2)], "a.png", 1, r"E608.*a\.png"),
        ([], "a.gif", 1, "E704.*0 frames"),
        ([np.eye(2)], "a.gif", 0, "E704.*seconds.*not 0"),
        ([np.eye(2), np.eye(3)], "a.gif", 1, "E602.*one size"),
        ([np.zeros(3)], "a.gif", 1, r"E602.*\[row, column\]"),
    ],
)
def test_what_is_no_film_is_refused(tmp_path, frames, name, seconds, says):
    with pytest.raises(ebm.EbmError, match=says):
        film(frames, tmp_path / name, seconds)


def test_the_methods_draw_what_the_functions_draw(tmp_path):
    draws = spins()
    figure = draws.plot(tmp_path / "a.png", names=["m"])
    same = traces(draws, ["m"])
    for mine, theirs in zip(figure.axes[0].get_lines(), same.axes[0].get_lines(), strict=True):
        np.testing.assert_array_equal(mine.get_ydata(), theirs.get_ydata())
    assert (tmp_path / "a.png").stat().st_size > 1000
