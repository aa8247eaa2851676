"""Two moons, machine learning: A network learns the energy of points of the plane from samples alone,
low where there are data and high elsewhere. The film shows the contours as they form, and the chains
that the fit follows through them."""

from pathlib import Path
from tempfile import TemporaryDirectory

import optax
from sklearn.datasets import make_moons

import ebmlang as ebm


def main(points=2000, frames=14, epochs=6, chains=150):
    x, _ = make_moons(2 * points, noise=0.08, random_state=0)
    x = (x - x.mean(axis=0)) * 1.5
    model = ebm.load(Path(__file__).with_suffix(".ebm"))
    settings = {"chains": chains, "sweeps": 20, "optimizer": optax.adam(2e-3), "progress": False}
    film, plane = [], ((-3, 3), (-2, 2))
    with TemporaryDirectory() as folder:  # each fit goes on from the checkpoint of the one before
        for last in range(epochs, frames * epochs + 1, epochs):
            fit = ebm.fit(model, {"x": x[:points]}, epochs=last, checkpoint=folder, **settings)
            film.append(ebm.pictures.contours(model, fit.params, fit.chains, plane))
    score = fit.log_likelihood({"x": x[points:]})
    print(f"held back, nats a point: {score:.3f}")
    Path("pictures").mkdir(exist_ok=True)
    ebm.pictures.film(film, "pictures/two_moons.gif")
    return score, x


if __name__ == "__main__":
    main()
