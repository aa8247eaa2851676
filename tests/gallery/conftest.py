"""The gallery of broken programs: each `.ebm` with what is said of it in the `.txt` beside it."""

from pathlib import Path

import pytest

GALLERY = Path(__file__).parent


@pytest.fixture
def golden(request: pytest.FixtureRequest):
    """Compare with a golden file, or with `--accept` write it."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--accept"):
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text

    return compare
