"""What `runtime.json` and `runtime.npz` hold: a model as plain numbers, without any code.

Each input of the contract becomes one or more columns of numbers, by which a line, curves or trees
then predict. Whatever is read here is checked, so that evaluating it ends and stays within its
arrays.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from salary_kedro.bundle import limits
from salary_kedro.bundle.files import FileError, check_size, open_zip, read_json
from salary_kedro.bundle.limits import RUNTIME, RUNTIME_ARRAYS
from salary_kedro.contract import Category, Contract
from salary_kedro.contract.columns import CategoryText

Finite = Annotated[float, Field(allow_inf_nan=False)]
Place = Annotated[int, Field(ge=0)]
Codes = tuple[Finite, ...]
#: Columns that inputs become, at most.
MAX_COLUMNS = 100_000
#: Coefficients of a piece of a curve, at most: of a cubic.
MAX_COEFFICIENTS = 4
#: The members of `runtime.npz`, and what each is an array of.
MEMBERS: dict[str, np.dtype[Any]] = {
    "sizes": np.dtype("<i8"),
    "features": np.dtype("<i4"),
    "numbers": np.dtype("<f8"),
    "missing_left": np.dtype("<u1"),
}
LEAF = -1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NumberInput(_Strict):
    """An input that is a number, or becomes one: a day, yes or no.

    Attributes:
        column: The column that holds it.
        fill: What stands for a missing one; None where it stays missing.
        indicator: The column that holds 1 where it is missing, else 0; None for none.
    """

    kind: Literal["number"] = "number"
    column: Place
    fill: Finite | None = None
    indicator: Place | None = None

    @property
    def places(self) -> tuple[int, ...]:
        """Its columns."""
        return (self.column,) if self.indicator is None else (self.column, self.indicator)


class CategoryInput(_Strict):
    """An input that is a text.

    Attributes:
        columns: The columns that it becomes.
        texts: The texts that are told apart.
        codes: For each of them, what its columns hold.
        missing: What they hold where it is missing.
        unknown: What they hold for any other text.
    """

    kind: Literal["category"] = "category"
    columns: tuple[Place, ...] = Field(min_length=1)
    texts: tuple[CategoryText, ...]
    codes: tuple[Codes, ...]
    missing: Codes
    unknown: Codes

    @property
    def places(self) -> tuple[int, ...]:
        """Its columns."""
        return self.columns


class Linear(_Strict):
    """A sum of scaled columns: intercept + coefficients · (columns - means) / scales."""

    kind: Literal["linear"] = "linear"
    intercept: Finite
    coefficients: Codes
    means: Codes
    scales: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...]


class Curve(_Strict):
    """What a column adds: a polynomial from each knot to the next, and a line on either side.

    Attributes:
        knots: Where one ends and the next begins, ascending.
        pieces: The coefficients of each, the constant first. They are of the column less the knot
            where the piece begins; of the first piece, less the first knot.
    """

    knots: Codes = Field(min_length=1)
    pieces: tuple[Annotated[Codes, Field(min_length=1, max_length=MAX_COEFFICIENTS)], ...]


class Curves(_Strict):
    """A sum of curves: the intercept, and what each column adds."""

    kind: Literal["curves"] = "curves"
    intercept: Finite
    curves: tuple[Curve, ...]


class Trees(_Strict):
    """A sum over trees, whose nodes are in `runtime.npz`.

    Attributes:
        start: What the trees' values are added to, one after the other.
        divisor: What the sum is divided by.
        exponential: Whether e is then raised to it.
        most: The largest absolute value that a column may have; None for no bound.
    """

    kind: Literal["trees"] = "trees"
    start: Finite
    divisor: Annotated[int, Field(ge=1)]
    exponential: bool
    most: Finite | None


class Agreement(_Strict):
    """What the arrays were compared with scikit-learn on.

    Attributes:
        rows: Rows that both predicted alike.
        thresholds: Thresholds of trees, or knots of curves, that some of them lie at.
        of: How many there are.
        tolerance: The largest relative difference that was allowed: 0 for trees that are added up
            in their order.
        largest: The largest that there was.
        scikit_learn: The version that predicted.
    """

    rows: Annotated[int, Field(ge=0)]
    thresholds: Annotated[int, Field(ge=0)]
    of: Annotated[int, Field(ge=0)]
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-9
    largest: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    scikit_learn: Annotated[str, Field(max_length=100)]


Input = Annotated[NumberInput | CategoryInput, Field(discriminator="kind")]
Model = Annotated[Linear | Curves | Trees, Field(discriminator="kind")]


class Form(_Strict):
    """What `runtime.json` holds.

    Attributes:
        format: Its format.
        reason: Why there are no arrays; empty where there are.
        inputs: What becomes of each input, in the contract's order.
        model: What predicts by the columns; None where there are no arrays.
        log_target: Whether it predicts the target's logarithm.
        agreement: What it was compared on; None where it was not.
    """

    format: Literal[1] = 1
    reason: str = Field(default="", max_length=1_000)
    inputs: tuple[Input, ...] = ()
    model: Model | None = None
    log_target: bool = False
    agreement: Agreement | None = None

    @property
    def columns(self) -> int:
        """How many columns the inputs become."""
        return sum(len(item.places) for item in self.inputs)


@dataclass(frozen=True)
class Nodes:
    """The nodes of trees, tree by tree, each level by level.

    A tree's root is its first node. The children of its k-th inner node, k from 0, are its
    nodes 2k + 1, where values up to the threshold go, and 2k + 2.

    Attributes:
        sizes: Number of nodes of each tree, shape (trees,).
        features: The column that each node looks at, or -1 for a leaf; shape (nodes,).
        numbers: The threshold of an inner node, the value of a leaf.
        missing_left: 1 where a missing value goes to the first child.
    """

    sizes: NDArray[np.int64]
    features: NDArray[np.int32]
    numbers: NDArray[np.float64]
    missing_left: NDArray[np.uint8]

    @property
    def ends(self) -> NDArray[np.int64]:
        """Where each tree begins, and the last one ends; shape (trees + 1,)."""
        return np.concatenate([[0], np.cumsum(self.sizes)])


@dataclass(frozen=True)
class Plain:
    """A model as plain numbers, checked.

    Attributes:
        form: All but the nodes.
        nodes: Those of its trees; None if it has none.
    """

    form: Form
    nodes: Nodes | None = None

    @classmethod
    def parse(cls, content: bytes, arrays: bytes | None, contract: Contract) -> Self:
        """Read `runtime.json` and `runtime.npz`.

        Raises:
            FileError: If they hold something else, or a model of another contract.
        """
        form: Form = read_json(Form, content, RUNTIME)
        nodes = None if arrays is None else _read_nodes(arrays)
        _check(form, nodes, contract)
        return cls(form, nodes)

    def dump(self) -> dict[str, bytes]:
        """The files, by name; the same model gives the same bytes.

        Raises:
            FileError: If they are larger than a bundle's may be.
        """
        files = {RUNTIME: self.form.model_dump_json(indent=1).encode()}
        if self.nodes is not None:
            files[RUNTIME_ARRAYS] = _write_nodes(self.nodes)
        for name, content in files.items():
            check_size(name, len(content), limits.max_size(name))
        return files


def _check(form: Form, nodes: Nodes | None, contract: Contract) -> None:
    if bool(form.reason) == (form.model is not None):
        raise FileError(f"{RUNTIME} must hold either a model or the reason why there is none")
    if isinstance(form.model, Trees) != (nodes is not None):
        raise FileError(f"{RUNTIME_ARRAYS} must be there for trees, and for nothing else")
    if form.model is None:
        return
    _check_inputs(form, contract)
    if isinstance(form.model, Linear):
        _check_lengths(form.columns, form.model.coefficients, form.model.means, form.model.scales)
    if isinstance(form.model, Curves):
        _check_curves(form.model, form.columns)
    if nodes is not None:
        _check_nodes(nodes, form.columns)


def _check_inputs(form: Form, contract: Contract) -> None:
    kinds = [isinstance(feature, Category) for feature in contract.inputs]
    if [isinstance(item, CategoryInput) for item in form.inputs] != kinds:
        raise FileError(f"{RUNTIME} does not take the inputs of the contract")
    if form.columns > MAX_COLUMNS:
        raise FileError(f"{RUNTIME} has {form.columns:,} columns, more than {MAX_COLUMNS:,}")
    if sorted(place for item in form.inputs for place in item.places) != [*range(form.columns)]:
        raise FileError(f"{RUNTIME} does not fill each column once")
    for item in form.inputs:
        if isinstance(item, CategoryInput):
            _check_category(item)


def _check_category(item: CategoryInput) -> None:
    if len(item.codes) != len(item.texts) or len(set(item.texts)) != len(item.texts):
        raise FileError(f"{RUNTIME} must hold one code for each text of an input")
    _check_lengths(len(item.columns), item.missing, item.unknown, *item.codes)


def _check_curves(model: Curves, columns: int) -> None:
    if len(model.curves) != columns:
        raise FileError(f"{RUNTIME} does not hold one curve for each column")
    for curve in model.curves:
        if any(first >= second for first, second in pairwise(curve.knots)):
            raise FileError(f"{RUNTIME} holds a curve whose knots do not rise")
        if len(curve.pieces) != len(curve.knots) + 1:
            raise FileError(f"{RUNTIME} holds a curve that does not have one piece between knots")


def _check_lengths(length: int, *rows: Codes) -> None:
    if any(len(row) != length for row in rows):
        raise FileError(f"{RUNTIME} does not hold one number for each column")


def _check_nodes(nodes: Nodes, columns: int) -> None:
    """Check that each tree is one: all nodes have one parent, which stands before them."""
    count = len(nodes.features)
    if not len(nodes.sizes) or nodes.sizes.min() < 1 or nodes.sizes.max() > count:
        raise FileError(f"{RUNTIME_ARRAYS} holds a tree of no nodes")
    if nodes.sizes.sum() != count or not count == len(nodes.numbers) == len(nodes.missing_left):
        raise FileError(f"{RUNTIME_ARRAYS} does not hold as many nodes as its trees have")
    if nodes.features.min() < LEAF or nodes.features.max() >= columns:
        raise FileError(f"{RUNTIME_ARRAYS} looks at a column that is none")
    is_leaf = nodes.features == LEAF
    if np.isnan(nodes.numbers).any() or not np.isfinite(nodes.numbers[is_leaf]).all():
        raise FileError(f"{RUNTIME_ARRAYS} holds what is no number")
    for start, end in zip(nodes.ends[:-1], nodes.ends[1:], strict=True):
        inner = np.flatnonzero(~is_leaf[start:end])
        first = 2 * np.arange(len(inner)) + 1
        if end - start != 2 * len(inner) + 1 or (first <= inner).any():
            raise FileError(f"{RUNTIME_ARRAYS} holds nodes that are no tree")


def _read_nodes(content: bytes) -> Nodes:
    """Read a zip of arrays; of none more is made than its member has bytes for."""
    most = limits.max_size(RUNTIME_ARRAYS)
    try:
        with open_zip(RUNTIME_ARRAYS, io.BytesIO(content), most) as source:
            if sorted(source.namelist()) != sorted(f"{name}.npy" for name in MEMBERS):
                raise FileError(f"{RUNTIME_ARRAYS} does not hold what an export writes")
            found = {name: _read_array(source.read(f"{name}.npy"), name) for name in MEMBERS}
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise FileError(f"{RUNTIME_ARRAYS} is damaged: {error}") from error
    return Nodes(**found)


def _read_array(content: bytes, name: str) -> NDArray[Any]:
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise FileError(f"{RUNTIME_ARRAYS}: {name} is of another format")
    shape, _, kind = np.lib.format.read_array_header_1_0(stream)
    rest = len(content) - stream.tell()
    if kind != MEMBERS[name] or len(shape) != 1 or shape[0] * kind.itemsize != rest:
        raise FileError(f"{RUNTIME_ARRAYS}: {name} does not hold what an export writes")
    return np.frombuffer(content, MEMBERS[name], offset=stream.tell())


def _write_nodes(nodes: Nodes) -> bytes:
    arrays: Mapping[str, NDArray[Any]] = vars(nodes)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for name, kind in MEMBERS.items():
            member = io.BytesIO()
            values = np.ascontiguousarray(arrays[name], dtype=kind)
            np.lib.format.write_array(member, values, version=(1, 0), allow_pickle=False)
            target.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return packed.getvalue()


def order_by_level(
    trees: Iterable[tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]],
) -> Nodes:
    """Number the nodes of trees level by level.

    Args:
        trees: Of each, by node, the first at its root: the column or -1 for a leaf, the
            threshold or the leaf's value, whether what is missing goes to the first child, the
            first child and the second.
    """
    ordered = [_order(*tree) for tree in trees]
    return Nodes(
        np.array([len(tree[0]) for tree in ordered], dtype=np.int64),
        *(
            np.concatenate([tree[part] for tree in ordered]).astype(MEMBERS[name])
            for part, name in enumerate(("features", "numbers", "missing_left"))
        ),
    )


def _order(
    features: NDArray[Any],
    numbers: NDArray[Any],
    missing_left: NDArray[Any],
    first: NDArray[Any],
    second: NDArray[Any],
) -> tuple[NDArray[Any], ...]:
    level, levels = np.array([0]), []
    while len(level):
        levels.append(level)
        inner = level[features[level] != LEAF]
        level = np.column_stack([first[inner], second[inner]]).ravel()
    order = np.concatenate(levels)
    return features[order], numbers[order], missing_left[order]
