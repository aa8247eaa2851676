"""Data of all makes give the numbers of the plain array; tables and what they lack are told in words."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import ebmlang as ebm
from ebmlang.backend.arrays import as_array

BITS = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 1]])
UNITS = "dim n = 3 given g : real[n] = 0 visible v : binary[n] param b : real[n] energy = -b @ v - g @ v"
BIASES = {"b": np.array([0.1, 0.2, 0.3])}
FRAME = pd.DataFrame(BITS, columns=["p", "q", "r"])


class Tensor:
    """What a tensor of PyTorch that wants its gradient does."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, "float32"

    def __getitem__(self, rows):
        return Tensor(self.array[rows])

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self.array


class Shown:
    """A table that shows itself by the dataframe interchange protocol alone."""

    def __init__(self, frame):
        self.frame = frame

    def __dataframe__(self, nan_as_null=False, allow_copy=True):
        return self.frame.__dataframe__(nan_as_null, allow_copy)


class Array:
    """Something that NumPy reads."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype)


MAKES = {
    "lists": BITS.tolist(),
    "objects": BITS.astype(object),
    "masked": np.ma.masked_array(BITS, np.zeros(BITS.shape, bool)),
    "csr": sparse.csr_matrix(BITS),
    "coo": sparse.coo_array(BITS),
    "a table": FRAME,
    "Int64": FRAME.astype("Int64"),
    "boolean": FRAME.astype(bool).astype("boolean"),
    "Float64": FRAME.astype("Float64"),
    "categorical numbers": FRAME.astype("category"),
    "sparse columns": FRAME.astype(pd.SparseDtype(int, 0)),
    "two columns of one name": FRAME.rename(columns={"q": "p"}),
    "rows that are series": [row for _, row in FRAME.iterrows()],
    "a tensor": Tensor(BITS.astype(np.float32)),
    "tensors": [Tensor(row) for row in BITS],
    "an array": Array(BITS),
    "interchange": Shown(FRAME),
    "interchange of booleans": Shown(FRAME.astype(bool)),
}

quiet = pytest.mark.filterwarnings("ignore:The Dataframe Interchange Protocol")


@quiet
@pytest.mark.parametrize("data", MAKES.values(), ids=MAKES)
def test_rows_of_all_makes_have_the_same_log_probability(data):
    model = ebm.loads(UNITS)
    wanted = (BITS @ BIASES["b"]) - np.log1p(np.exp(BIASES["b"])).sum()
    found = ebm.log_prob(model, BIASES, {"v": data}).values
    assert found == pytest.approx(wanted, abs=1e-6)
    fit = ebm.fit(model, {"v": data}, sampler="exact", epochs=1, progress=False)
    plain = ebm.fit(model, {"v": BITS}, sampler="exact", epochs=1, progress=False)
    assert fit.params["b"] == pytest.approx(plain.params["b"], abs=1e-6)


ROWS = {
    "a series": FRAME.iloc[0],
    "nullable": pd.Series([1, 0, 1], dtype="Int64"),
    "an extension array": pd.array([True, False, True], dtype="boolean"),
    "a tensor": Tensor(BITS[0]),
    "a list": [1, 0, 1],
    "an array": Array(BITS[0]),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_one_place_converts_what_is_bound_given_clamped_and_begun_with(row):
    model = ebm.loads(UNITS)
    assert model.bind(g=row).bindings.givens["g"].tolist() == [1, 0, 1]
    assert model.bind(v=row).bindings.held["v"].tolist() == [1, 0, 1]
    wanted = np.log1p(np.exp(BIASES["b"] + [1, 0, 1])).sum()
    assert ebm.log_partition(model, BIASES, given={"g": row}).value == pytest.approx(wanted)
    assert float(model.energy(BIASES, {"v": row})) == pytest.approx(-0.4)
    part = ebm.sample(
        model, BIASES, clamp={"v": (row, [True, False, True])}, init={"v": row}, draws=3,
        progress=False,
    )  # fmt: skip
    assert np.all(part["v"][..., [0, 2]] == 1)


SEQUENCES = 'dim site, aa = "ACG" visible x : category(aa)[site] param h : real[aa] energy = -sum(i) h[x[i]]'
LETTERS = np.array([["A", "C"], ["G", "A"], ["C", "C"]])
FIELDS = {"h": np.array([0.1, 0.2, 0.4])}
TEXTS = {
    "text": LETTERS,
    "lists": LETTERS.tolist(),
    "objects": LETTERS.astype(object),
    "a table": pd.DataFrame(LETTERS),
    "strings": pd.DataFrame(LETTERS).astype("string"),
    "categorical": pd.DataFrame(LETTERS).astype("category"),
    "interchange": Shown(pd.DataFrame(LETTERS, columns=["a", "b"])),
    "interchange of categorical": Shown(
        pd.DataFrame(LETTERS, columns=["a", "b"]).astype("category")
    ),
}


@quiet
@pytest.mark.parametrize("data", TEXTS.values(), ids=TEXTS)
def test_labels_by_name_are_positions_of_the_dimension(data):
    model = ebm.loads(SEQUENCES)
    codes = np.searchsorted(["A", "C", "G"], LETTERS)
    wanted = FIELDS["h"][codes].sum(1) - 2 * np.log(np.exp(FIELDS["h"]).sum())
    assert ebm.log_prob(model, FIELDS, {"x": data}).values == pytest.approx(wanted, abs=1e-6)


def test_text_that_is_no_label_is_refused_with_its_place():
    model = ebm.loads(SEQUENCES)
    with pytest.raises(ebm.EbmError, match=r'E603.*the data hold "Q" at \[1, 0\]'):
        ebm.log_prob(model, FIELDS, {"x": [["A", "C"], ["Q", "A"]]})
    with pytest.raises(ebm.EbmError, match=r"E603.*are text"):
        ebm.log_prob(ebm.loads(UNITS), BIASES, {"v": LETTERS[:, [0, 1, 1]]})
    with pytest.raises(ebm.EbmError, match=r"E603.*column `p`"):
        ebm.log_prob(ebm.loads(UNITS), BIASES, {"v": FRAME.assign(p=["a", "b", "c", "d"])})
    with pytest.raises(ebm.EbmError, match=r"E603.*dates"):
        ebm.log_prob(ebm.loads("visible y : real energy = y^2"), {},
                     {"y": pd.Series(pd.to_datetime(["2020-01-01"]))})  # fmt: skip


GAPS = {
    "NaN": np.array([[np.nan, 0, 1]]),
    "None": [[None, 0, 1]],
    "NA": pd.DataFrame([[pd.NA, 0, 1]]).astype("Int64"),
    "masked": np.ma.masked_array([[1, 0, 1]], [[True, False, False]]),
    "a pair": ([[1, 0, 1]], [[False, True, True]]),
    "interchange": Shown(pd.DataFrame({"a": [np.nan], "b": [0.0], "c": [1.0]})),
}


@quiet
@pytest.mark.parametrize("data", GAPS.values(), ids=GAPS)
def test_what_is_missing_is_summed_in_data_and_refused_elsewhere(data):
    model = ebm.loads(UNITS)
    wanted = 0.3 - np.log1p(np.exp(BIASES["b"][1:])).sum()
    assert ebm.log_prob(model, BIASES, {"v": data}).values == pytest.approx([wanted], abs=1e-6)


def test_what_is_missing_in_text_is_summed_too():
    letters = LETTERS.astype(object)
    letters[0, 0] = None
    wanted = FIELDS["h"][1] - np.log(np.exp(FIELDS["h"]).sum())
    for data in (letters, pd.DataFrame(letters).astype("category")):
        found = ebm.log_prob(ebm.loads(SEQUENCES), FIELDS, {"x": data}).values
        assert found[0] == pytest.approx(wanted, abs=1e-6)


def test_given_and_held_data_lack_nothing():
    model = ebm.loads(UNITS)
    for values in (pd.array([1, None, 0], dtype="Int64"), np.ma.masked_array([1, 1, 0], [0, 1, 0])):
        for name in ("g", "v"):
            with pytest.raises(ebm.EbmError, match=r"E604"):
                model.bind(**{name: values})


NOTHING = {
    "no rows": np.zeros((0, 3)),
    "no columns": np.zeros((4, 0)),
    "an empty list": [],
    "empty rows": [[], []],
    "an empty table": pd.DataFrame(),
    "a table of an index": pd.DataFrame(index=range(4)),
    "a table of names": pd.DataFrame({"a": [], "b": [], "c": []}),
    "sparse without rows": sparse.csr_matrix((0, 3)),
    "sparse without columns": sparse.csr_matrix((4, 0)),
    "a generator": (row for row in BITS),
    "None": None,
}


@pytest.mark.parametrize("data", NOTHING.values(), ids=NOTHING)
def test_data_without_rows_or_columns_are_refused(data):
    model = ebm.loads(UNITS.replace("n = 3", "n"))
    with pytest.raises(ebm.EbmError, match=r"E60"):
        ebm.fit(model, {"v": data}, epochs=1, progress=False)
    with pytest.raises(ebm.EbmError, match=r"E60"):
        ebm.log_prob(ebm.loads(UNITS), BIASES, {"v": data})


def test_columns_of_a_table_are_variables_by_their_names():
    model = ebm.loads("visible x : real visible y : real energy = (x - 1)^2 + y^2 / 2 + x * y / 4")
    table = pd.DataFrame({"x": [0.1, 0.2], "y": [1, 2]})
    apart = ebm.log_prob(model, {}, {"x": [0.1, 0.2], "y": [1.0, 2.0]}).values
    assert ebm.log_prob(model, {}, table).values == pytest.approx(apart)
    assert ebm.log_prob(model, {}, {"x": table[["x"]], "y": table.y}).values == pytest.approx(apart)
    for wrong in (table.assign(z=1), table.rename(columns={"x": "u", "y": "w"}), FRAME):
        with pytest.raises(ebm.EbmError, match=r"E606"):
            ebm.log_prob(model, {}, wrong)


@quiet
def test_a_column_of_the_interchange_protocol_tells_what_it_lacks():
    table = Shown(pd.DataFrame({"a": [1.5, np.nan], "b": [2, 3]}))
    np.testing.assert_array_equal(as_array("x", table), [[1.5, 2], [np.nan, 3]])


def test_tables_and_columns_of_polars():
    polars = pytest.importorskip("polars")
    model = ebm.loads(UNITS)
    table = polars.DataFrame({name: FRAME[name].tolist() for name in FRAME})
    plain = ebm.log_prob(model, BIASES, {"v": BITS}).values
    assert ebm.log_prob(model, BIASES, {"v": table}).values == pytest.approx(plain)
    lacking = polars.DataFrame({"a": [None, 1], "b": [0, 0], "c": [1, 0]})
    np.testing.assert_array_equal(as_array("v", lacking), [[np.nan, 0, 1], [1, 0, 0]])
    assert model.bind(g=table["p"][:3]).bindings.givens["g"].tolist() == [1, 0, 1]


def test_tensors_of_pytorch():
    torch = pytest.importorskip("torch")
    model = ebm.loads(UNITS)
    plain = ebm.log_prob(model, BIASES, {"v": BITS}).values
    tensor = torch.tensor(BITS, dtype=torch.float32, requires_grad=True)
    for data in (tensor, tensor.to(torch.bfloat16), tensor.detach().to_sparse(), list(tensor)):
        assert ebm.log_prob(model, BIASES, {"v": data}).values == pytest.approx(plain)


def test_tables_of_arrow():
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({name: FRAME[name].tolist() for name in FRAME})
    np.testing.assert_array_equal(as_array("v", table), BITS)
    labels = arrow.table({"a": arrow.array(["A", None, "G"]).dictionary_encode()})
    symbol = ebm.loads(SEQUENCES).program.unknowns["x"]
    np.testing.assert_array_equal(as_array("x", labels, symbol), [[0], [np.nan], [2]])


def test_an_estimator_takes_sparse_rows_tensors_and_labels():
    estimators = pytest.importorskip("ebmlang.sklearn")
    model = ebm.loads("dim n visible v : binary[n] param b : real[n] energy = -b @ v")

    def scored(rows):
        return estimators.EBM(model, epochs=1, random_state=0).fit(rows).score(rows)

    plain = scored(BITS)
    for rows in (sparse.csr_matrix(BITS), Tensor(BITS.astype(np.float32)), FRAME.astype("Int64")):
        assert scored(rows) == pytest.approx(plain)
    model = ebm.loads(SEQUENCES)
    plain = scored(np.searchsorted(["A", "C", "G"], LETTERS))
    table = pd.DataFrame(LETTERS, columns=["a", "b"])
    for rows in (LETTERS, table, table.astype("category")):
        assert scored(rows) == pytest.approx(plain)
    named = estimators.EBM(model, epochs=1, random_state=0).fit(table)
    assert list(named.feature_names_in_) == ["a", "b"]
