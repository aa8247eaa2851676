"""A small client of the protocol, that knows nothing of pygls: frames, requests, notifications."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Client:
    """One server, and what it has said so far."""

    process: subprocess.Popen[bytes]
    said: list[Json] = field(default_factory=list)
    number: int = 0
    versions: dict[str, int] = field(default_factory=dict)

    def send(self, message: Json) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def receive(self) -> Json:
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the server has stopped"
        message = json.loads(self.process.stdout.read(length))
        self.said.append(message)
        return message

    def request(self, method: str, params: Any = None) -> Json:
        """The whole answer, with `result` or `error`."""
        self.number += 1
        number = self.number
        asked = {"id": number, "method": method}
        self.send(asked if params is None else {**asked, "params": params})
        while (message := self.receive()).get("id") != number:
            pass
        return message

    def ask(self, method: str, params: Any = None) -> Any:
        """The result of a request that must succeed."""
        answer = self.request(method, params)
        assert "error" not in answer, answer
        return answer["result"]

    def notify(self, method: str, params: Any) -> None:
        self.send({"method": method, "params": params})

    def diagnostics(self, uri: str) -> list[Json]:
        """The next diagnostics of a document."""
        while True:
            message = self.receive()
            if message.get("method") == "textDocument/publishDiagnostics":
                params = message["params"]
                if params["uri"] == uri:
                    return params["diagnostics"]

    def open(self, uri: str, text: str) -> list[Json]:
        self.versions[uri] = 1
        document = {"uri": uri, "languageId": "ebm", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return self.diagnostics(uri)

    def change(self, uri: str, text: str) -> list[Json]:
        self.versions[uri] += 1
        document = {"uri": uri, "version": self.versions[uri]}
        self.notify(
            "textDocument/didChange",
            {"textDocument": document, "contentChanges": [{"text": text}]},
        )
        return self.diagnostics(uri)

    def about(self, method: str, uri: str, **rest: Any) -> Any:
        return self.ask(f"textDocument/{method}", {"textDocument": {"uri": uri}, **rest})


def place(text: str, needle: str, into: int = 0) -> Json:
    """The position of the first occurrence of a piece of text, in UTF-16 units."""
    before = text[: text.index(needle) + into]
    line = before.rpartition("\n")[2]
    return {"line": before.count("\n"), "character": len(line.encode("utf-16-le")) // 2}


def edited(text: str, edits: list[Json]) -> str:
    """The text with edits made, each place counted in UTF-16 units."""
    lines = text.split("\n")

    def offset(at: Json) -> int:
        units = lines[at["line"]].encode("utf-16-le")[: 2 * at["character"]]
        before = lines[: at["line"]]
        return sum(len(line) + 1 for line in before) + len(units.decode("utf-16-le"))

    for edit in sorted(edits, key=lambda e: offset(e["range"]["start"]), reverse=True):
        start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
        text = text[:start] + edit["newText"] + text[end:]
    return text


@contextmanager
def serving(*command: str) -> Iterator[Client]:
    """A client of a server of its own."""
    process = subprocess.Popen(
        command or (sys.executable, "-m", "ebmlang.cli", "lsp"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield Client(process)
        finally:
            process.kill()
