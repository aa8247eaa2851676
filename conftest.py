"""What every test run may be told on the command line, and what spares it work done twice."""

import gc
import tempfile
from collections.abc import Iterator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="take what is said now as right")


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """XLA compiles a program once for all tests of a process, however often it is built anew.

    The folder is of this run and of this process alone, since JAX does not write to it in one
    piece. Processes that tests start compile for themselves.
    """
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    with tempfile.TemporaryDirectory(prefix="ebmlang-compiled-") as folder:
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
        compilation_cache.reset_cache()
        yield
        jax.config.update("jax_compilation_cache_dir", None)
        compilation_cache.reset_cache()


@pytest.fixture(scope="module", autouse=True)
def forgotten_after_each_file() -> Iterator[None]:
    """Programs of a file are of no use to the next, and memory stays that of one file."""
    import jax

    yield
    jax.clear_caches()
    gc.collect()


def pytest_collection_finish() -> None:
    """What was imported stays for good: the collector of garbage need not look at it every time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
