"""The wheel, built, installed and used as by a person who has no checkout.

Nothing here needs the network. The wheel is built by the tools that are installed already, and goes
into an empty virtual environment without its dependencies, which would have to be downloaded.
Those are made visible instead by a .pth file that names the site-packages of the interpreter which
runs the tests. Python reads no .pth files in a folder that it knows by a .pth file only, so an
editable install of the checkout stays out of sight; the first test proves it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "examples" / "rbm.ebm"

TELL_JAX = "print('jax' if 'jax' in sys.modules else 'no jax')"

CHECK_AND_TELL_JAX = f"""
import sys
from ebmlang.cli import main
sys.argv = ["ebm", "check", {str(PROGRAM)!r}]
try:
    code = main()
except SystemExit as left:
    code = left.code
assert not code, code
{TELL_JAX}
"""


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; the test fails, and shows it, if the command does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=kept,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{' '.join(done.args)} exited {done.returncode}:\n{done.stdout}")
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source archive, so that the archive is known to be whole."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that has the wheel, and sees its dependencies."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=home)
    purelib = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home
    ).strip()
    dependencies = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    Path(purelib, "dependencies.pth").write_text("\n".join(dependencies) + "\n", encoding="utf-8")
    return python.parent


def test_the_package_comes_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    place = run(installed / "python", "-c", "import ebmlang; print(ebmlang.__file__)", cwd=tmp_path)
    assert Path(place.strip()).is_relative_to(installed.parent)


def test_the_wheel_carries_all_that_the_package_reads(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    assert "ebmlang/py.typed" in names
    for folder, inside in (("grammar", "ebmlang/grammar"), ("ebmlang", "ebmlang")):
        wanted = {
            f"{inside}/{path.relative_to(ROOT / folder).as_posix()}"
            for path in (ROOT / folder).rglob("*")
            if path.suffix in {".lark", ".ebm", ".json", ".py"}
        }
        assert wanted <= names
    assert "ebmlang/grammar/ebm.lark" in names


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"ebmlang"}


def test_the_installed_command_checks_a_program(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "ebm", "check", PROGRAM, cwd=tmp_path).strip()


def test_importing_the_package_leaves_jax_alone(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "python", "-c", f"import sys, ebmlang; {TELL_JAX}", cwd=tmp_path)
    assert said.splitlines()[-1] == "no jax"


def test_checking_a_program_leaves_jax_alone(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "python", "-c", CHECK_AND_TELL_JAX, cwd=tmp_path)
    assert said.splitlines()[-1] == "no jax"
