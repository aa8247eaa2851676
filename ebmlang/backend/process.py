"""What JAX keeps for a whole process: caches that outlive a model, and threads that a fork loses."""

from __future__ import annotations

import gc
import os
import sys
import threading
from typing import Any, TypeVar

from ..syntax.diagnostics import complain

FEW = 32  # compiled programs: what is not worth a release
# Where JAX keeps them. A name that a version lacks is left out.
CACHES = (
    ("jax._src.pjit", "_infer_params_cached"),
    ("jax._src.interpreters.partial_eval", "trace_to_jaxpr"),
    ("jax._src.dispatch", "xla_primitive_callable"),
)
Compiled = TypeVar("Compiled")
_dropped = threading.Event()  # a model with compiled code was dropped since the last release
_after = [0]  # how many compiled programs there were after the last release
_shared: list[Any] = []
_orphaned = threading.Event()  # this process was forked from one in which JAX had started


def note_dropped() -> None:
    """Say that a model that had compiled something is gone. Safe at any moment, as in a finaliser."""
    _dropped.set()


def shared(compiled: Compiled) -> Compiled:
    """A compiled function that belongs to no model, of which `release_dropped` forgets all shapes."""
    _shared.append(compiled)
    return compiled


def release_dropped() -> None:
    """Free what JAX traced and compiled at the shapes of models that are gone, once it is much.

    The compiled functions of a model go with it. What JAX's own functions were compiled for stays
    in caches that all functions share, more than a megabyte an entry, and those are emptied here.
    Compiled functions of living models stay, in caches of their own.
    """
    if not _dropped.is_set() or not _clean():
        return
    _dropped.clear()
    if _live() < _after[0] + FEW:
        return
    for place, name in CACHES:
        clear = getattr(getattr(sys.modules.get(place), name, None), "cache_clear", None)
        if clear is not None:
            clear()
    for function in _shared:
        function.clear_cache()
    gc.collect()
    _after[0] = _live()


def _clean() -> bool:
    """Whether nothing is being traced, which needs its caches."""
    clean = getattr(sys.modules.get("jax._src.core"), "trace_state_clean", None)
    return clean is not None and clean()


def _live() -> int:
    """How many compiled programs there are."""
    import jax

    return len(jax.local_devices()[0].client.live_executables())


def refuse_forked() -> None:
    """Raise EbmError E713 in a process that was forked from one in which JAX had started."""
    if _orphaned.is_set():
        raise complain(
            "E713",
            "this process was forked after JAX had started, and JAX cannot run in it",
            notes=["JAX has threads, and a fork leaves them behind: a call would wait for ever"],
            helps=[
                'multiprocessing.get_context("spawn") starts workers that can run models',
                "or fork before the first call that computes",
            ],
        )


def _mark_child() -> None:
    bridge = sys.modules.get("jax._src.xla_bridge")
    # No lock is taken: another thread of the parent may have held it at the fork.
    if bridge is not None and getattr(bridge, "_backends", True):
        _orphaned.set()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mark_child)
