"""Draws as ArviZ sees them: the file's dimensions and labels, told apart where names meet."""

import arviz as az
import matplotlib.pyplot as plt
import numpy as np
import pytest

import ebmlang as ebm


def drawn(text: str, **bindings: object):
    model = ebm.loads(text, **bindings)
    return ebm.sample(model, model.init(), draws=60, chains=2, warmup=5, progress=False)


def test_a_quantity_over_part_of_a_dimension_keeps_its_positions():
    draws = drawn(
        """
        dim n = 4
        visible s : spin[n]
        energy = -sum(i in 1..n) s[i] * s[i-1]
        quantity bond[i in 1..n] = s[i] * s[i-1]
        quantity pair[i in 0..2] = s[i]
        """
    )
    posterior = draws.to_arviz().posterior
    assert posterior["bond"].dims == ("chain", "draw", "i")
    assert posterior["bond"].coords["i"].values.tolist() == [1, 2, 3]
    (other,) = posterior["pair"].dims[2:]
    assert posterior["pair"].coords[other].values.tolist() == [0, 1]
    np.testing.assert_array_equal(
        posterior["bond"].sel(i=3), draws["s"][..., 3] * draws["s"][..., 2]
    )
    assert "bond[3]" in draws.summary().index


def test_dimensions_called_chain_and_draw_are_no_chains_and_draws():
    draws = drawn(
        "dim chain = 3, draw = 2 visible x : real[chain, draw] energy = sum(x ^ 2) "
        "quantity middle[c] = x[c, 0]"
    )
    posterior = draws.to_arviz().posterior
    assert posterior["x"].dims == ("chain", "draw", "chain_2", "draw_2")
    assert posterior["x"].shape == (2, 60, 3, 2)
    assert posterior["middle"].dims == ("chain", "draw", "chain_2")


def test_labels_and_second_axes():
    draws = drawn(
        'dim site = 2, aa = "-AC" visible x : category(aa)[site] param J : real[site, site, aa, aa] '
        "energy = -sum(i < j) J[i, j, x[i], x[j]] "
        "quantity joint[a, b] = (x[0] == a and x[1] == b)"
    )
    joint = draws.to_arviz().posterior["joint"]
    assert joint.dims == ("chain", "draw", "aa", "aa_2")
    assert joint.coords["aa_2"].values.tolist() == ["-", "A", "C"]


@pytest.mark.filterwarnings("ignore::matplotlib.MatplotlibDeprecationWarning")
def test_arviz_tables_and_plots_go_by_the_names_of_the_file():
    plt.switch_backend("Agg")
    draws = drawn(
        'dim site = 2, aa = "-AC" visible x : category(aa)[site] '
        "latent a : binary[site, site] symmetric hollow visible u : real "
        "energy = (u - 1) ^ 2 + sum(i) (x[i] == 0) + a[0, 1] "
        "quantity share[b] = mean(i) (x[i] == b)"
    )
    data = draws.to_arviz()
    assert {n: v.dims[2:] for n, v in data.posterior.items()} == {
        "x": ("site",), "a": ("site", "site_2"), "u": (), "share": ("aa",)
    }  # fmt: skip
    table = az.summary(data, var_names=["share", "u"])
    assert list(table.index) == ["share[-]", "share[A]", "share[C]", "u"]
    np.testing.assert_allclose(table["mean"], [*draws["share"].mean((0, 1)), draws["u"].mean()],
                               atol=1e-3)  # fmt: skip
    labelled = az.summary(data, var_names=["share"], coords={"aa": ["A", "C"]})
    assert list(labelled.index) == ["share[A]", "share[C]"]
    axes = az.plot_trace(data, var_names=["share", "u"], compact=False)
    titles = [row[0].get_title() for row in axes]
    assert titles == ["share\n-", "share\nA", "share\nC", "u"]
    az.plot_energy(data)
    np.testing.assert_allclose(az.bfmi(data).shape, (2,))
    with pytest.raises(TypeError, match="log likelihood"):
        az.loo(data)
    plt.close("all")


def test_a_value_that_is_held_makes_no_noise_in_a_summary():
    model = ebm.loads("visible x : real latent y : real energy = (x - y)^2 + y^2")
    draws = ebm.sample(model, {}, clamp={"x": 1.0}, draws=100, sampler="gibbs", progress=False)
    table = draws.summary()
    assert table.loc["x", "mean"] == 1.0
    assert table.loc["y", "r_hat"] < 1.1
