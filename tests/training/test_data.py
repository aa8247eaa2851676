"""What a fit takes as data: given data beside the visible, graphs of networkx and SciPy, ragged rows."""

import itertools
import warnings

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

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
    with pytest.raises(ebm.EbmError, match=r"E607"):
        ebm.fit(ebm.loads(FIELD, f=[1, 2]), {"s": [[1, -1], [1]]}, **SETTINGS)
    with pytest.raises(ebm.EbmError, match=r"E607"):
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
    with pytest.raises(ebm.EbmError, match=r"E605"):
        ebm.loads(GLASS, bonds=nx.MultiGraph([(0, 1), (0, 1), (1, 2)]))


def test_a_sparse_adjacency_matrix_is_a_graph():
    matrix = sparse.csr_matrix(nx.to_numpy_array(nx.cycle_graph(4)))
    assert len(ebm.loads(GLASS, bonds=matrix).world.graphs["bonds"].edges) == 4


WEIGHTED = """
dim site
graph bonds on site
given w : real[bonds] = 1
visible s : spin[site]
energy = -sum((i, j) in bonds) w[i, j] * s[i] * s[j]
"""
WEIGHTS = np.zeros((4, 4))
for _i, _j, _w in ((0, 1, 0.5), (1, 2, -2.0), (2, 3, 1.0), (0, 3, 3.0)):
    WEIGHTS[_i, _j] = WEIGHTS[_j, _i] = _w
GRAPHS = {
    "dense": WEIGHTS,
    "sparse": sparse.coo_array(WEIGHTS),
    "networkx": nx.from_numpy_array(WEIGHTS),
    "a table": pd.DataFrame(WEIGHTS),
}


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_weights_of_a_graph_are_bound_in_the_order_of_its_edges(graph):
    states = np.array(list(itertools.product([-1, 1], repeat=4)))
    wanted = np.log(np.exp((states @ WEIGHTS * states).sum(1) / 2).sum())
    model = ebm.loads(WEIGHTED)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        whole = model.bind(w=graph, bonds=graph)
        later = model.bind(bonds=WEIGHTS != 0).bind(w=graph)
    for bound in (whole, later):
        assert ebm.log_partition(bound, {}).value == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_weights_that_nothing_takes_are_told(graph):
    with pytest.warns(UserWarning, match=r"bind w to the same graph") as told:
        ebm.loads(WEIGHTED).bind(bonds=graph)
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match=r"declare `given w : real\[bonds\]`"):
        ebm.loads(GLASS, bonds=graph)


def test_weights_at_other_edges_are_refused():
    model = ebm.loads(WEIGHTED).bind(bonds=[[0, 1], [1, 2]], site=4)
    with pytest.raises(ebm.EbmError, match=r"E605.*`w` has, and `bonds` lacks"):
        model.bind(w=WEIGHTS)
    with pytest.raises(ebm.EbmError, match=r"E605.*`bonds` has, and `w` lacks"):
        model.bind(w=nx.Graph([(0, 1)]))
    with pytest.raises(ebm.EbmError, match=r"E601.*edges of `bonds` are not known"):
        ebm.loads(WEIGHTED).bind(w=WEIGHTS)


def test_graphs_that_are_no_simple_graphs_are_told():
    lopsided, unknown = np.triu(WEIGHTS), WEIGHTS.copy()
    unknown[0, 1] = unknown[1, 0] = np.nan
    for graph, says in (
        (lopsided, "not symmetric"),
        (sparse.csr_matrix(lopsided), "not symmetric"),
        (sparse.csr_matrix(WEIGHTS + np.eye(4)), "site 0 with itself"),
        (nx.DiGraph([(0, 1)]), "directed"),
        (nx.MultiGraph([(0, 1), (1, 0)]), "repeats edge 0"),
        (unknown, "no finite number"),
        (sparse.csr_matrix(unknown), "no finite number"),
        (nx.Graph([(0, 1, {"weight": "heavy"})]), "no number"),
        ([[0, 1, 0.5], [1, 2, 3.0]], r"w=table\[:, 2\]"),
    ):
        with pytest.raises(ebm.EbmError, match=f"(?s)E605.*{says}"):
            ebm.loads(WEIGHTED).bind(bonds=graph)


def test_a_large_sparse_graph_is_never_made_dense():
    ends = np.arange(300_000)
    ring = sparse.coo_array((np.ones(len(ends)), (ends, np.roll(ends, -1))))
    model = ebm.loads(GLASS, bonds=ring + ring.T)
    assert model.bindings.graphs["bonds"].shape == (300_000, 2)
