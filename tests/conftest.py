"""What all tests share: where programs and data are."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAMS = ROOT / "tests" / "programs"


def shared_data() -> Path:
    """The folder of real data and exact answers; tests that need it skip where there is none."""
    place = Path(os.environ.get("EBMLANG_DATA", ROOT.parent / "shared" / "data"))
    if not place.is_dir():
        pytest.skip("real data and exact answers are not here: set EBMLANG_DATA to their folder")
    return place
