"""Names of several files: helpers come with what needs them, and never stand for another."""

import pytest

import ebmlang as ebm
from ebmlang.syntax.diagnostics import EbmError


def test_diamonds_of_imports_are_read_once_however_their_paths_are_written() -> None:
    files = {"x/30.ebm": "fn f30(x) = 11 * x\n"}
    for k in range(30):
        files[f"x/{k}.ebm"] = (
            f'import f{k + 1} from "{k + 1}.ebm"\nimport f{k + 1} from "../x/./{k + 1}.ebm"\n'
            f"fn f{k}(x) = f{k + 1}(x)\n"
        )
    text = 'model m\nimport f0 from "y/../x/0.ebm"\nvisible s : spin\nenergy = f0(s)\n'
    assert ebm.loads(text, files=files).energy({}, {"s": 1}) == 11


@pytest.mark.parametrize(
    ("own", "first", "second"),
    [
        ("", "fn f(x) = h(x)\nfn h(x) = 2 * x\n", "fn g(x) = h(x)\nfn h(x) = 3 * x\n"),
        ("fn h(x) = x\n", "fn f(x) = h(x)\nfn h(x) = 2 * x\n", "fn g(x) = x\n"),
        ("param h : real\n", "fn f(x) = h(x)\nfn h(x) = 2 * x\n", "fn g(x) = x\n"),
    ],
)
def test_a_helper_that_means_something_else_elsewhere_is_refused(
    own: str, first: str, second: str
) -> None:
    text = 'model m\nimport f from "a.ebm"\nimport g from "b.ebm"\n'
    text += own + "visible s : spin\nenergy = f(s) + 10 * g(s)\n"
    with pytest.raises(EbmError, match="something else") as caught:
        ebm.loads(text, files={"a.ebm": first, "b.ebm": second})
    assert "E202" in {found.code for found in caught.value.diagnostics}


def test_the_same_helper_in_two_files_is_one() -> None:
    files = {
        "a.ebm": "fn f(x) = h(x)\nfn h(y) = 2 * y\n",
        "b.ebm": "fn g(x) = h(x)\nfn h(y) = 2 * y\n",
    }
    text = 'model m\nimport f from "a.ebm"\nimport g from "b.ebm"\n'
    model = ebm.loads(text + "visible s : spin\nenergy = f(s) + 10 * g(s)\n", files=files)
    assert model.energy({}, {"s": 1}) == 22
