"""The lock file: it pins and hashes whatever the project asks for, and names no package index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def entries() -> list[str]:
    """One string for each pinned package, with its hashes."""
    lines = "\n".join(line for line in TEXT.splitlines() if not line.lstrip().startswith("#"))
    return [entry for entry in lines.replace("\\\n", " ").splitlines() if entry.strip()]


def pins() -> dict[str, str]:
    pinned = [Requirement(entry.partition("--hash")[0].strip()) for entry in entries()]
    return {canonicalize_name(each.name): str(each.specifier) for each in pinned}


def wanted() -> list[Requirement]:
    extras = PROJECT["project"]["optional-dependencies"]
    lists = (PROJECT["build-system"]["requires"], PROJECT["project"]["dependencies"])
    return [
        Requirement(each) for group in (*lists, extras["demo"], extras["test"]) for each in group
    ]


def test_the_lock_file_names_no_index_and_no_host() -> None:
    assert "http" not in TEXT
    assert not re.search(r"^\s*(-i|-f|-e|--(?!hash=sha256:))", TEXT, re.MULTILINE)


def test_every_package_is_pinned_and_hashed() -> None:
    loose = [entry.split()[0] for entry in entries() if "--hash=sha256:" not in entry]
    assert not loose
    assert all(re.fullmatch(r"==[^,*]+", pin) for pin in pins().values())


@pytest.mark.parametrize("requirement", wanted(), ids=str)
def test_whatever_the_project_asks_for_is_pinned_in_its_range(requirement: Requirement) -> None:
    pin = pins().get(canonicalize_name(requirement.name))
    assert pin is not None, "run `make lock`"
    assert requirement.specifier.contains(pin.removeprefix("==")), "run `make lock`"
