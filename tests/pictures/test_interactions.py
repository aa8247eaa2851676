"""The interaction graph of a model: sites, pairs and blocks, and how they are drawn."""

import numpy as np
import pytest

import ebmlang as ebm
from conftest import PROGRAMS
from ebmlang.pictures import interactions


def load(name: str, **bound) -> ebm.Model:
    return ebm.load(PROGRAMS / f"{name}.ebm", check=False, **bound)


def marks(figure):
    """The blocks that are drawn: how many sites each has, by what it is called."""
    found = figure.axes[0].collections
    return {c.get_label(): len(c.get_offsets()) for c in found if not c.get_label().startswith("_")}


def test_sites_of_a_chessboard_meet_only_the_other_colour():
    graph = load("ising", row=4, col=6).interactions()
    assert len(graph.pairs) == 2 * 24
    assert graph.blocks == ("s, colour 0", "s, colour 1")
    assert np.all(graph.block[graph.pairs[:, 0]] != graph.block[graph.pairs[:, 1]])
    row, column = np.unravel_index(graph.entry, graph.shapes["s"])
    np.testing.assert_array_equal(graph.block, (row + column) % 2)


def test_layers_are_blocks_and_meet_their_neighbours_in_full():
    graph = load("dbm", pixel=4, low=3, high=2).interactions()
    assert set(graph.variables) == {"v", "h1", "h2"}
    names = np.array(graph.variables)[graph.variable[graph.pairs]]
    met = {frozenset(pair) for pair in names.tolist()}
    assert met == {frozenset(("v", "h1")), frozenset(("h1", "h2"))}
    assert len(graph.pairs) == 4 * 3 + 3 * 2


def test_no_block_of_discrete_sites_has_two_that_meet():
    edges = np.array([[0, 1], [1, 2], [2, 0], [2, 3]])
    for model in (
        load("spin_glass", site=5, bonds=edges),
        load("friendship", node=6),
        load("segment", row=4, col=5),
    ):
        graph = model.interactions()
        assert np.all(graph.block[graph.pairs[:, 0]] != graph.block[graph.pairs[:, 1]])
        assert sorted(set(graph.block)) == list(range(len(graph.blocks)))


def test_real_variables_that_are_drawn_together_are_one_block():
    graph = load("eight_schools").interactions()
    assert any(", " in name and "theta" in name for name in graph.blocks)
    assert graph.block.min() == 0


def test_what_is_bound_to_data_is_no_site():
    graph = load("rbm", unit=3).bind(v=np.zeros(5)).interactions()
    assert graph.variables == ("h",)
    assert len(graph.pairs) == 0


def test_a_point_of_a_simplex_is_one_site():
    text = (
        "dim n = 4, k = 3 visible w : simplex[n, k] latent m : real[k] "
        "energy = -sum(i, j) w[i, j] * m[j] + sum(m^2)"
    )
    graph = ebm.loads(text, check=False).interactions()
    assert np.bincount(graph.variable).tolist() == [4, 3]
    across = graph.variable[graph.pairs[:, 0]] != graph.variable[graph.pairs[:, 1]]
    assert across.sum() == 12


def test_a_lattice_stands_by_its_rows_and_columns_and_goes_round_in_stubs():
    figure = interactions(load("ising", row=4, col=6))
    assert marks(figure) == {"s, colour 0": 12, "s, colour 1": 12}
    places = np.concatenate([c.get_offsets() for c in figure.axes[0].collections[-2:]])
    assert {tuple(p) for p in places.tolist()} == {(c, -r) for r in range(4) for c in range(6)}
    inside, stubs = figure.axes[0].collections[:2]
    assert len(inside.get_segments()) == 4 * 5 + 3 * 6
    assert len(stubs.get_segments()) == 2 * (4 + 6)


def test_blocks_differ_by_their_marks():
    figure = interactions(load("dbm", pixel=4, low=3, high=2))
    shapes = [c.get_paths()[0].vertices.shape for c in figure.axes[0].collections[1:]]
    assert len(set(shapes)) == 3
    assert marks(figure) == {"v": 4, "h1": 3, "h2": 2}
    assert [text.get_text() for text in figure.axes[0].texts] == ["v[4]", "h1[3]", "h2[2]"]


def test_a_large_model_is_a_matrix_with_nothing_within_a_block():
    figure = interactions(load("rbm", pixel=300, unit=100))
    axis = figure.axes[0]
    met = np.asarray(axis.images[0].get_array())
    assert met.shape == (400, 400)
    assert not met[:300, :300].any()
    assert not met[300:, 300:].any()
    assert met[:300, 300:].all()
    assert [t.get_text() for t in axis.get_yticklabels()] == ["v", "h"]
    assert axis.get_xlabel() == "400 sites, 30000 pairs, 2 blocks"


def test_many_blocks_are_told_by_shade():
    figure = interactions(load("boltzmann_machine", unit=12))
    assert figure.axes[0].get_legend() is None
    assert figure.axes[0].get_xlabel() == "12 sites, 66 pairs: one site moves at a time"


def test_sizes_that_lack_and_nothing_to_move_are_told():
    with pytest.raises(ebm.EbmError, match=r"E601.*pixel"):
        interactions(load("rbm"))
    with pytest.raises(ebm.EbmError, match="E702"):
        ebm.loads("dim n = 2 visible x : real[n] energy = sum(x^2)").bind(x=[0, 0]).plot()
