"""What a fit takes as data: given data beside the visible, graphs of networkx and SciPy, ragged rows."""

import networkx as nx
import numpy as np
import pytest

import ebmlang as ebm

FIELD = """
model field
dim n
given f : real[n]
visible s : spin[n]
param k : real init 1
energy = -k * f @ s
"""
R = np.random.default_rng(3)
SPINS, FIELDS = R.choice([-1, 1], (12, 3)), R.normal(size=(12, 3))
SETTINGS = {"epochs": 2, "batch_size": 4, "chains": 4, "progress": False}


@pytest.mark.parametrize("field", [FIELDS, FIELDS[0]], ids=["each", "shared"])
def test_given_data_may_come_with_the_data(field: np.ndarray):
    model = ebm.loads(FIELD)
    beside = ebm.fit(model, {"s": SPINS, "f": field}, **SETTINGS)
    apart = ebm.fit(model, {"s": SPINS}, given={"f": field}, **SETTINGS)
    assert beside.params["k"] == pytest.approx(float(apart.params["k"]))
    assert float(beside.params["k"]) != 1


def test_given_data_of_each_example_stand_beside_those_of_all():
    """A field of each example and one of all are, to the model, the field that is their sum."""
    text = FIELD.replace(
        "energy = -k * f @ s", "given g : real energy = -k * f @ s - k * g * sum(s)"
    )
    both = ebm.fit(ebm.loads(text), {"s": SPINS}, given={"f": FIELDS, "g": 0.5}, **SETTINGS)
    sums = ebm.fit(ebm.loads(FIELD), {"s": SPINS}, given={"f": FIELDS + 0.5}, **SETTINGS)
    assert both.params["k"] == pytest.approx(float(sums.params["k"]), abs=1e-5)


def test_given_data_in_both_places_are_refused():
    with pytest.raises(ebm.EbmError, match="`f` stands in the data and in `given` too"):
        ebm.fit(ebm.loads(FIELD), {"s": SPINS, "f": FIELDS}, given={"f": FIELDS}, **SETTINGS)


def test_rows_of_different_lengths_are_told():
    with pytest.raises(ebm.EbmError, match="E607"):
        ebm.fit(ebm.loads(FIELD, f=[1, 2]), {"s": [[1, -1], [1]]}, **SETTINGS)
    with pytest.raises(ebm.EbmError, match="E607"):
        ebm.loads("dim n, m given w : real[n, m] visible x : real energy = x * sum(w)", w=[[1], []])


GLASS = """
dim site
graph bonds on site
visible s : spin[site]
param h : real[site]
energy = -sum((i, j) in bonds) s[i] * s[j] - h @ s
"""


def test_nodes_that_are_numbers_are_the_sites_of_these_numbers():
    """networkx keeps nodes in the order in which edges first name them."""
    graph = nx.Graph([(3, 1), (0, 3), (2, 0)])
    model = ebm.loads(GLASS, bonds=graph)
    s, h = np.array([1, 1, -1, -1]), np.array([0.1, 0.2, 0.4, 0.8])
    wanted = -(s[3] * s[1] + s[0] * s[3] + s[2] * s[0]) - h @ s
    assert float(model.energy({"h": h}, {"s": s})) == pytest.approx(wanted)
    assert model.world.graphs["bonds"].edges.tolist() == [[3, 1], [3, 0], [0, 2]]


def test_named_nodes_count_in_their_order():
    model = ebm.loads(GLASS, bonds=nx.path_graph(["a", "b", "c"]))
    s = np.array([1, -1, -1])
    assert float(model.energy({"h": np.zeros(3)}, {"s": s})) == 0
    with pytest.raises(ebm.EbmError, match="E605"):
        ebm.loads(GLASS, bonds=nx.MultiGraph([(0, 1), (0, 1), (1, 2)]))


def test_a_sparse_adjacency_matrix_is_a_graph():
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_matrix(nx.to_numpy_array(nx.cycle_graph(4)))
    assert len(ebm.loads(GLASS, bonds=matrix).world.graphs["bonds"].edges) == 4
