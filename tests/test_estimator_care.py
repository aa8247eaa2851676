"""An estimator that is told to end: what was reached is there, and what holds the estimator ends too."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import jax
import numpy as np
import optax
import pytest
from sklearn.model_selection import GridSearchCV

import ebmlang as ebm
from conftest import ROOT
from ebmlang.sklearn import EBM

RBM = ebm.load(ROOT / "examples" / "rbm.ebm", unit=3)
BITS = (np.random.default_rng(0).random((60, 6)) < 0.4).astype(float)
ENDLESS = 20_000


def sending(number):
    """An optimiser whose first step that hears signals sends one, once."""
    sent, before = [], signal.getsignal(number)

    def send():
        if not sent and signal.getsignal(number) is not before:
            sent.append(number)
            os.kill(os.getpid(), number)

    def update(slopes, state, params=None):
        jax.debug.callback(send)
        return optax.scale(-0.01).update(slopes, state, params)

    return optax.GradientTransformation(optax.scale(-0.01).init, update)


@contextmanager
def answering(number, handler):
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def test_ctrl_c_raises_and_leaves_what_was_reached():
    before = signal.getsignal(signal.SIGINT)
    estimator = EBM(RBM, epochs=ENDLESS, optimizer=sending(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(BITS)
    assert estimator.fit_.stopped == "interrupted after epoch 1"
    assert estimator.transform(BITS).shape == (60, 3)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_in_the_last_epoch_is_not_lost():
    estimator = EBM(RBM, epochs=1, optimizer=sending(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(BITS)
    assert estimator.fit_.steps == 1
    assert estimator.fit_.stopped is None


@pytest.mark.parametrize("error_score", ["raise", 0.0])
def test_a_search_ends_with_the_fit_that_was_interrupted(error_score):
    told = EBM(RBM, optimizer=sending(signal.SIGINT))
    search = GridSearchCV(told, {"epochs": [ENDLESS, 1]}, cv=2, error_score=error_score)
    with pytest.raises(KeyboardInterrupt):
        search.fit(BITS)
    assert not hasattr(search, "cv_results_")


def test_a_signal_goes_on_to_whom_it_would_have_reached():
    heard = []
    with answering(signal.SIGTERM, lambda number, frame: heard.append(number)):
        done = EBM(RBM, epochs=1, optimizer=sending(signal.SIGTERM)).fit(BITS)
        assert done.fit_.stopped is None
        assert heard == [signal.SIGTERM]
        cut = EBM(RBM, epochs=ENDLESS, optimizer=sending(signal.SIGTERM))
        with pytest.raises(KeyboardInterrupt, match="ended by SIGTERM after epoch 1"):
            cut.fit(BITS)
    assert heard == [signal.SIGTERM] * 2


def test_ctrl_c_raises_over_a_fit_that_diverges():
    wild = optax.chain(sending(signal.SIGINT), optax.scale(np.inf))
    with pytest.raises(KeyboardInterrupt):
        EBM(RBM, epochs=ENDLESS, optimizer=wild).fit(BITS)


def test_a_fit_that_diverges_by_itself_says_so():
    with pytest.raises(ebm.EbmError, match="E710"):
        EBM(RBM, epochs=3, optimizer=optax.scale(np.inf)).fit(BITS)


def test_a_fit_of_no_estimator_still_returns():
    optimizer = sending(signal.SIGINT)
    found = ebm.fit(RBM, {"v": BITS}, epochs=ENDLESS, progress=False, optimizer=optimizer)
    assert found.stopped == "interrupted after epoch 1"


@pytest.mark.slow
def test_sigterm_ends_the_process_of_a_search():
    code = f"""import os, signal, threading, time
import numpy as np, ebmlang as ebm
from ebmlang.sklearn import EBM
from sklearn.model_selection import GridSearchCV
def send():
    while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=send, daemon=True).start()
rbm = ebm.load({str(ROOT / "examples" / "rbm.ebm")!r}, unit=3)
bits = (np.random.default_rng(0).random((60, 6)) < 0.4).astype(float)
GridSearchCV(EBM(rbm), {{"epochs": [{ENDLESS}, 1]}}, cv=2).fit(bits)
print("ended")"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == -signal.SIGTERM
    assert run.stdout == ""
    assert "the fit ends after this step" in run.stderr
