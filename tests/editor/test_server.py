"""The server as an editor meets it: a process of its own, spoken to over standard input and output."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .client import Client, Json, edited, place, serving

URI = "file:///nowhere/wörk.ebm"

TEXT = """model demo
## Notes: 𝔹 and σ² before everything else on a line.
dim σite = 6, unit = 3
visible s : spin[σite]   # 𝔹 is two units of UTF-16
latent h : binary[unit]
param W : real[σite, unit]
param b : real[σite]
energy bias = -b @ s
energy pair = -sum(i in 0..σite-1) s[i] * s[i+1]
energy deep = -s @ W @ h
"""


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with serving() as found:
        capabilities = {"textDocument": {"rename": {"prepareSupport": True}}}
        asked = {"processId": None, "rootUri": None, "capabilities": capabilities}
        answer = found.ask("initialize", asked)
        assert answer["serverInfo"]["name"] == "ebm"
        for name in (
            "hover", "definition", "references", "documentSymbol", "codeAction", "completion",
            "documentFormatting", "rename", "foldingRange", "inlayHint",
        ):  # fmt: skip
            assert answer["capabilities"][f"{name}Provider"]
        found.notify("initialized", {})
        yield found
        assert found.ask("shutdown") is None
        found.notify("exit", None)
        assert found.process.wait(timeout=10) == 0


def shown(client: Client, text: str) -> list[Json]:
    """The diagnostics of the document with this text."""
    return client.change(URI, text) if URI in client.versions else client.open(URI, text)


def fixed(client: Client, text: str, diagnostic: Json, title: str = "") -> str:
    """The text after the first quick fix for a diagnostic whose title begins so."""
    actions = client.about(
        "codeAction", URI, range=diagnostic["range"], context={"diagnostics": [diagnostic]}
    )
    chosen = next(a for a in actions if a["title"].startswith(title))
    assert chosen["kind"] == "quickfix"
    assert chosen["diagnostics"] == [diagnostic]
    return edited(text, chosen["edit"]["changes"][URI])


def test_a_sound_program_has_no_diagnostics(client: Client) -> None:
    assert shown(client, TEXT) == []


def test_a_fault_is_shown_and_a_quick_fix_removes_it(client: Client) -> None:
    broken = TEXT.replace("-b @ s", "-bb @ s")
    (found,) = shown(client, broken)
    assert (found["code"], found["severity"]) == ("E201", 1)
    assert found["range"] == {"start": place(broken, "bb @"), "end": place(broken, "bb @", 2)}
    after = fixed(client, broken, found)
    assert after == TEXT
    assert shown(client, after) == []


def test_places_behind_wide_letters_are_right(client: Client) -> None:
    broken = "model m\ndim n\nvisible v : binary[n]\nenergy 𝔹𝔹 = 1 * vv\nenergy e = sum(v)\n"
    (found,) = shown(client, broken)
    assert found["range"]["start"] == {"line": 3, "character": 18}
    assert "energy 𝔹𝔹 = 1 * v\n" in fixed(client, broken, found)


def test_the_other_end_of_a_conflict_is_related(client: Client) -> None:
    broken = TEXT.replace("i in 0..σite-1", "i")
    (found,) = shown(client, broken)
    assert found["code"] == "E305"
    (related,) = found["relatedInformation"]
    assert related["location"]["uri"] == URI
    assert related["location"]["range"]["start"] == place(broken, "sum(i)", 4)
    assert fixed(client, broken, found, "stop one short") == TEXT


def test_every_fault_of_a_file_is_shown_at_once(client: Client) -> None:
    broken = TEXT.replace("-b @ s", "-b * s").replace("-s @ W @ h", "-s @ h") + "energy (\n"
    codes = [found["code"] for found in shown(client, broken)]
    assert sorted(codes) == ["E101", "E302", "E307"]


def test_hover_tells_type_dimensions_and_facts(client: Client) -> None:
    shown(client, TEXT)
    found = client.about("hover", URI, position=place(TEXT, "s[i]"))
    text = found["contents"]["value"]
    for words in ("visible s : spin[σite]", "6 positions", "linear in every site", "2 colours"):
        assert words in text
    assert client.about("hover", URI, position={"line": 99, "character": 0}) is None


def test_definition_and_references(client: Client) -> None:
    shown(client, TEXT)
    found = client.about("definition", URI, position=place(TEXT, "W @ h"))
    assert found["range"]["start"] == place(TEXT, "W : real")
    context = {"includeDeclaration": True}
    uses = client.about("references", URI, position=place(TEXT, "σite = 6"), context=context)
    assert len(uses) == 1 + 3 + 1


def test_completion_inside_brackets(client: Client) -> None:
    broken = TEXT + "param c : real["
    shown(client, broken)
    found = client.about("completion", URI, position=place(broken, "c : real[", 9))
    assert [item["label"] for item in found["items"]] == ["σite", "unit"]


def test_rename_and_its_refusal(client: Client) -> None:
    shown(client, TEXT)
    where = place(TEXT, "s[i]")
    assert client.about("prepareRename", URI, position=where)["start"] == where
    changes = client.about("rename", URI, position=where, newName="spins")["changes"]
    after = edited(TEXT, changes[URI])
    assert "-sum(i in 0..σite-1) spins[i] * spins[i+1]" in after
    assert shown(client, after) == []
    params = {"textDocument": {"uri": URI}, "position": where, "newName": "energy"}
    refused = client.request("textDocument/rename", params)
    assert "a word of the language" in refused["error"]["message"]


def test_formatting(client: Client) -> None:
    loose = TEXT.replace("latent h : binary", "latent   h:binary").replace("-b @ s", "-b@s")
    shown(client, loose)
    options = {"tabSize": 4, "insertSpaces": True}
    after = edited(loose, client.about("formatting", URI, options=options))
    assert "energy bias = -b @ s\n" in after
    assert "latent  h : binary[unit]\n" in after
    shown(client, after)
    assert client.about("formatting", URI, options=options) == []


def test_inlay_hints_and_outline(client: Client) -> None:
    text = TEXT + "quantity q = sum(n) b[n]\n"
    shown(client, text)
    everywhere = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
    (hint,) = client.about("inlayHint", URI, range=everywhere)
    assert (hint["label"], hint["position"]) == (": σite", place(text, "sum(n", 5))
    names = [symbol["name"] for symbol in client.about("documentSymbol", URI)]
    assert names == ["demo", "σite", "unit", "s", "h", "W", "b", "bias", "pair", "deep", "q"]


def test_the_server_never_imports_jax(client: Client) -> None:
    """After all that was asked above: what the process has loaded, by its own account."""
    loaded = Path(f"/proc/{client.process.pid}/maps")
    if not loaded.exists():
        pytest.skip("this system does not tell what a process has loaded")
    libraries = loaded.read_text("utf-8")
    assert "/numpy/" in libraries
    assert "/jaxlib/" not in libraries


def test_without_pygls_the_command_says_what_is_missing() -> None:
    hidden = "import sys; sys.modules['pygls.lsp.server'] = None; sys.modules['pygls'] = None\n"
    run = "sys.argv = ['ebm', 'lsp', '--stdio']\nfrom ebmlang.cli import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", hidden + run],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "`ebm lsp` needs pygls" in done.stderr
    assert 'pip install "ebmlang[editor]"' in done.stderr
