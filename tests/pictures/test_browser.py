"""Reports in a browser without a network: everything is shown, nothing is asked for, phones are wide enough."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from by_hand import comparison, row, spins
from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Reads, once all is loaded, what the page holds: sizes of its images, what it loaded, its widths.
PROBE = """<script>window.addEventListener("load", () => {
  const page = document.documentElement;
  document.body.dataset.probe = JSON.stringify({
    images: [...document.images].map(i => [i.complete, i.naturalWidth, i.naturalHeight, i.width]),
    loaded: performance.getEntriesByType("resource").map(r => r.name).filter(n => !n.startsWith("data:")),
    page: page.scrollWidth, window: page.clientWidth,
    verdict: document.querySelector(".verdict").getBoundingClientRect().top,
    table: document.querySelector("table").getBoundingClientRect().top,
  });
});</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((place for name in NAMES if (place := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser is here to open a report in: none of {', '.join(NAMES)}")
    return found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of reports."""
    folder = tmp_path_factory.mktemp("pages")
    walk = row("langevin", 0.1, caveat="the walk of `x` is biased by its step", bias=0.3)
    comparison(row("hmc", 0.02), walk, row("nuts", 0.05)).to_html(folder / "comparison.html")
    spins().to_html(folder / "draws.html")
    return folder


def run(browser: str, folder: Path, page: str, *orders: str, width: int = 1000) -> str:
    """What the browser prints; names of hosts are found nowhere."""
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}",
        f"--window-size={width},1500", *orders, (folder / page).as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def probed(browser: str, folder: Path, page: str, width: int = 1000) -> dict:
    """What the probe read of a copy of a page."""
    text = (folder / page).read_text(encoding="utf-8")
    assert "<script" not in text
    (folder / f"probed_{page}").write_text(text.replace("</body>", PROBE + "</body>"), "utf-8")
    dom = run(
        browser, folder, f"probed_{page}", "--virtual-time-budget=5000", "--dump-dom", width=width
    )
    found = re.search(r'data-probe="([^"]*)"', dom)
    assert found, dom[-2000:]
    return json.loads(unescape(found[1]))


@pytest.mark.parametrize(("page", "images"), [("comparison.html", 1), ("draws.html", 3)])
def test_every_image_is_there_and_nothing_is_loaded_from_elsewhere(browser, pages, page, images):
    found = probed(browser, pages, page)
    assert found["loaded"] == []
    assert len(found["images"]) == images
    for complete, wide, high, shown in found["images"]:
        assert complete
        assert min(wide, high) > 300
        assert shown <= found["window"]
    assert found["verdict"] < found["table"]


def test_a_phone_is_wide_enough(browser, pages):
    found = probed(browser, pages, "comparison.html", width=500)
    assert found["window"] == 500
    assert found["page"] <= found["window"]


def test_the_page_is_not_blank(browser, pages):
    shot = pages / "shot.png"
    run(browser, pages, "draws.html", f"--screenshot={shot}")
    with Image.open(shot) as image:
        grey = np.asarray(image.convert("L"))
    dark = (grey < 128).mean()
    assert 0.005 < dark < 0.5
    rows = (grey < 200).any(axis=1)
    assert rows[: len(rows) // 3].mean() > 0.2
    assert rows[len(rows) // 2 :].mean() > 0.2
