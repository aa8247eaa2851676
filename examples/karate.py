"""Karate club, network science: Density, factions, leaders and a saturating count of friends in common
are fitted to 78 friendships of 34 members, and networks drawn from the fit have the same means. Of
what was not fitted triangles are met, and degrees but for the many members with just two friends."""

from pathlib import Path

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import optax

import ebmlang as ebm


def main(epochs=200, chains=20, draws=200):
    club, rate = nx.karate_club_graph(), optax.cosine_decay_schedule(0.05, epochs)
    a = nx.to_numpy_array(club, weight=None, dtype=int)
    side, leader = np.array([club.nodes[k]["club"] for k in club]) == "Officer", np.zeros(34)
    leader[[0, 33]] = 1
    model = ebm.load(Path(__file__).with_suffix(".ebm"), faction=side * 1, leader=leader)
    way, adam = {"sampler": "informed", "chains": chains}, optax.adam(rate)
    fit = ebm.fit(model, {"a": a[None]}, epochs=epochs, optimizer=adam, **way)
    run, ones = fit.sample(draws=draws, **way), dict.fromkeys(fit.params, -1.0)
    seen, drawn = (fit.model.energies(ones, {"a": x}) for x in (a, run["a"]))  # statistics
    seen["triangles"], drawn["triangles"] = sum(nx.triangles(club).values()) / 3, run["triangles"]
    for name, value in seen.items():
        print(f"{name:10}{value:6.1f} in the club, {np.mean(drawn[name]):6.1f} drawn")
    _, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    nx.draw_kamada_kawai(club, ax=axes[0], node_color=np.where(side, "0.2", "0.7"), node_size=90)
    counts = [(run["degree"] == k).sum(axis=-1) for k in range(20)]  # [degree, chain, draw]
    axes[1].fill_between(range(20), *np.quantile(counts, (0.05, 0.95), (1, 2)), color="0.85")
    axes[1].plot(np.bincount(a.sum(axis=0)), "ko")
    axes[1].set_title("members by number of friends; 90 % of draws")
    Path("pictures").mkdir(exist_ok=True)
    plt.savefig("pictures/karate.png", dpi=100)
    return seen, drawn


if __name__ == "__main__":
    main()
