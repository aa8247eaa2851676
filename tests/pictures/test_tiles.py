"""Grids of images: the right pixel at the right place, on the right scale."""

import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.pictures import filters, images


def sheet(figure) -> tuple[np.ndarray, tuple[float, float]]:
    """The one image of a grid, and its limits."""
    image = figure.axes[0].images[0]
    return np.ma.filled(image.get_array(), np.nan), image.get_clim()


def tiles(array: np.ndarray, height: int, width: int) -> list[np.ndarray]:
    """The images of a sheet, found by the white between them."""
    rows = _runs(~np.isnan(array).all(axis=1))
    columns = _runs(~np.isnan(array).all(axis=0))
    assert {b - a for a, b in rows} == {height}
    assert {b - a for a, b in columns} == {width}
    return [array[a:b, c:d] for a, b in rows for c, d in columns]


def _runs(there: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], there.astype(int), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def test_every_image_stands_in_its_place():
    stack = np.arange(6 * 3 * 4).reshape(6, 3, 4) / 100
    found = tiles(sheet(images(stack.reshape(6, 12), shape=(3, 4), columns=3))[0], 3, 4)
    np.testing.assert_array_equal(found, stack)


def test_a_last_row_may_be_short():
    array, _ = sheet(images(np.ones((5, 4)), columns=3))
    assert np.isnan(array[-2:, -2:]).all()
    assert np.nansum(array) == 20


@pytest.mark.parametrize(
    ("values", "limits"),
    [
        ([0, 1, 1, 1], (0, 1)),
        ([-1, 1, 1, 1], (-1, 1)),
        ([0.2, 0.3, 0.2, 0.3], (0, 1)),
        ([5, 5, 5, 5], (4.5, 5.5)),
        ([np.nan, 0, 1, 0], (0, 1)),
    ],
)
def test_the_scale_is_that_of_the_values(values, limits):
    assert sheet(images(np.array([values])))[1] == pytest.approx(limits)


def test_a_stray_value_does_not_grey_the_rest():
    values = np.random.default_rng(0).normal(size=(10, 16, 16))
    values[3, 2, 2] = 1e6
    low, high = sheet(images(values))[1]
    assert -4 < low < high < 4


def test_limits_of_ones_own():
    assert sheet(images(np.ones((1, 4)), limits=(-2, 3)))[1] == (-2, 3)


def test_titles_stand_over_their_images():
    figure = images(np.zeros((3, 4)), titles=["a", "b", "c"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["a", "b", "c"]
    with pytest.raises(ebm.EbmError, match=r"E602.*2 titles for 3 images"):
        images(np.zeros((3, 4)), titles=["a", "b"])


@pytest.mark.parametrize(
    ("array", "shape", "says"),
    [
        (np.zeros((3, 12)), (3, 5), r"images of 3 x 5 do not fit an array \[3, 12\]"),
        (np.zeros((2, 90)), None, "90 pixels are no square"),
        (np.zeros((0, 4)), None, "no images|do not fit"),
        (np.float64(3), None, "do not fit"),
    ],
)
def test_arrays_that_are_no_images_are_refused(array, shape, says):
    with pytest.raises(ebm.EbmError, match=f"E602.*({says})"):
        images(array, shape=shape)


def test_a_grid_needs_a_column():
    with pytest.raises(ebm.EbmError, match=r"E704.*column"):
        images(np.zeros((3, 4)), columns=0)


def test_filters_are_columns_of_the_weights_on_a_scale_about_zero():
    weights = np.random.default_rng(0).normal(size=(16, 3)) + 1
    figure = filters(weights)
    array, (low, high) = sheet(figure)
    np.testing.assert_array_equal(tiles(array, 4, 4), weights.T.reshape(3, 4, 4))
    assert low == -high
    assert np.mean(np.abs(weights) <= high) > 0.95


def test_filters_of_zero_weights_are_the_middle_grey():
    _, limits = sheet(filters(np.zeros((4, 2))))
    assert limits == (-1, 1)
    with pytest.raises(ebm.EbmError, match=r"E602.*\[pixel, unit\]"):
        filters(np.zeros(4))
