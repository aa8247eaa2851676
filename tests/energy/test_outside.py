"""What comes from outside and does not fit is told as an EbmError: functions and graphs."""

import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

import ebmlang as ebm

TEXT = (
    "dim n = 3, m = 2 visible x : real[n] net f : real[n] -> real[m] = external() "
    "energy = sum(k in m) f(x)[k]"
)


class Weighted:
    """A function with weights of its own, which forgets one argument."""

    def init(self, key):
        return jnp.ones(2)

    def apply(self, weights):
        return weights


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (
            lambda x: jnp.sum(x),
            "returned an array of shape [], and an array of shape [2] is declared",
        ),
        (lambda x: x, "returned an array of shape [3]"),
        (lambda x, y: x[:2], "does not take 1 input"),
        (lambda: jnp.ones(2), "does not take 1 input"),
        (Weighted(), "does not take 1 input after its weights"),
    ],
)
def test_a_function_of_another_shape_is_refused(function, says):
    def energy():
        model = ebm.loads(TEXT, f=function)
        return model.energy(model.init(0), {"x": np.ones(3)})

    with pytest.raises(ebm.EbmError, match="E602") as caught:
        energy()
    assert says in caught.value.diagnostics[0].says


def test_a_function_that_fits_is_called():
    model = ebm.loads(TEXT, f=lambda x: x[:2])
    assert float(model.energy(model.init(0), {"x": np.array([1.0, 2.0, 4.0])})) == 3.0


def test_a_directed_graph_is_refused():
    text = "dim n graph g on n visible s : spin[n] energy = -sum((i, j) in g) s[i] * s[j]"
    with pytest.raises(ebm.EbmError, match="directed"):
        ebm.loads(text, g=nx.DiGraph([(0, 1), (1, 2)]))
    assert ebm.loads(text, g=nx.Graph([(0, 1), (1, 2)])).world.sizes["n"] == 3
