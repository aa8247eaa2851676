"""Networks: who is joined to whom, how dark, how thick, and where."""

import numpy as np
import pytest

import ebmlang as ebm
from ebmlang.pictures import network
from ebmlang.pictures.layout import circle, lattice, rows, stress

EDGES = [[0, 1], [1, 2], [2, 0], [2, 3]]


def lines(figure):
    return [segment for made in figure.axes[0].collections[:-1] for segment in made.get_segments()]


def nodes(figure):
    return figure.axes[0].collections[-1]


def test_every_edge_joins_its_two_nodes():
    figure = network(EDGES)
    places = nodes(figure).get_offsets()
    np.testing.assert_allclose(lines(figure), places[np.array(EDGES)])


def test_values_are_shades_from_zero_to_one():
    figure = network(EDGES, values=[0.1, 0.9, 0.5, 0.0])
    marked = nodes(figure)
    assert marked.get_clim() == (0, 1)
    dark = marked.to_rgba(marked.get_array()).mean(axis=1)
    assert np.argsort(dark).tolist() == [1, 2, 0, 3]
    colours = [text.get_color() for text in figure.axes[0].texts]
    assert colours == ["black", "white", "black", "black"]


def test_weights_are_thickness_and_negative_ones_are_dashed():
    figure = network(EDGES, weights=[1.0, -2.0, 0.5, -0.1])
    positive, negative, _ = figure.axes[0].collections
    assert len(positive.get_segments()) == len(negative.get_segments()) == 2
    assert positive.get_linestyle()[0][1] is None
    assert negative.get_linestyle()[0][1] is not None
    assert negative.get_linewidth()[0] > positive.get_linewidth()[0] > negative.get_linewidth()[1]


def test_positions_and_labels_are_taken_as_they_are():
    positions = np.array([[0, 0], [1, 0], [1, 1], [5, 5.0]])
    figure = network(EDGES, positions=positions, labels=["Albizzi", "b", "c", "d"])
    np.testing.assert_array_equal(nodes(figure).get_offsets(), positions)
    assert figure.axes[0].texts[0].get_text() == "Albizzi"


def test_nodes_without_an_edge_are_drawn_too():
    assert len(nodes(network(EDGES, values=np.zeros(7))).get_offsets()) == 7
    assert len(nodes(network([], labels=["a", "b"])).get_offsets()) == 2


@pytest.mark.parametrize(
    ("edges", "other", "says"),
    [
        (EDGES, {"values": [1, 2]}, "E602.*4 nodes or more, and there are 2 values"),
        (EDGES, {"values": [1] * 4, "labels": "abcde"}, "E602.*4 values, 5 labels"),
        (EDGES, {"weights": [1]}, "E602.*1 weights for 4 edges"),
        (EDGES, {"positions": np.zeros((4, 3))}, "E602.*positions"),
        ([[0, 1, 2]], {}, "E605.*pairs"),
        ([[0, -1]], {}, "E605.*pairs"),
        ([], {}, "E605.*without a node"),
    ],
)
def test_what_does_not_fit_is_refused(edges, other, says):
    with pytest.raises(ebm.EbmError, match=says):
        network(edges, **other)


def test_stress_puts_nodes_as_far_apart_as_they_are_along_the_graph():
    ring = np.array([[k, (k + 1) % 12] for k in range(12)])
    places = stress(ring, 12)
    gaps = np.linalg.norm(places[ring[:, 0]] - places[ring[:, 1]], axis=1)
    assert np.ptp(gaps) < 0.01 * gaps.mean()
    centre = np.linalg.norm(places - places.mean(axis=0), axis=1)
    assert np.ptp(centre) < 0.01 * centre.mean()


def test_a_path_is_a_straight_line_and_pieces_do_not_meet():
    path = stress(np.array([[k, k + 1] for k in range(9)]), 10)
    assert np.ptp(path[:, 1]) < 1e-9
    assert np.all(np.diff(path[:, 0]) > 0) or np.all(np.diff(path[:, 0]) < 0)
    pieces = stress(np.array([[0, 1], [2, 3]]), 4)
    gaps = np.linalg.norm(pieces[:, None] - pieces[None], axis=-1)[np.triu_indices(4, 1)]
    assert gaps.min() > 0.1


def test_places_are_the_same_every_time():
    ring = np.array([[k, (k + 1) % 30] for k in range(30)])
    np.testing.assert_array_equal(stress(ring, 30), stress(ring, 30))


def test_plain_layouts():
    np.testing.assert_allclose(circle(4), [[0.5, 1], [1, 0.5], [0.5, 0], [0, 0.5]], atol=1e-12)
    assert lattice((2, 3))[4].tolist() == [1, -1]
    assert rows([2, 1])[:, 1].tolist() == [0, 0, 0.6]
    assert stress(np.zeros((0, 2), int), 1).tolist() == [[0.5, 0.5]]
