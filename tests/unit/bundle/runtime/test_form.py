"""Files of arrays: what is written is read again, and nothing that is damaged is."""

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest

from salary_kedro.bundle.files import FileError
from salary_kedro.bundle.runtime.form import (
    Curve,
    Curves,
    Form,
    Linear,
    Nodes,
    NumberInput,
    Plain,
    Trees,
    order_by_level,
)
from salary_kedro.contract import Contract
from samples import category, column, contract_of

AGE = contract_of(column("age"))
#: 10 up to 3, else 20 up to 7, else 30.
STAIRS = Nodes(
    np.array([5]),
    np.array([0, -1, 0, -1, -1], dtype=np.int32),
    np.array([3.0, 10, 7, 20, 30]),
    np.array([0, 0, 1, 0, 0], dtype=np.uint8),
)
TREE = Plain(
    Form(
        inputs=(NumberInput(column=0),),
        model=Trees(start=0.0, divisor=1, exponential=False, most=None),
    ),
    STAIRS,
)
LINE = Form(
    inputs=(NumberInput(column=0),),
    model=Linear(intercept=1.0, coefficients=(2.0,), means=(0.0,), scales=(1.0,)),
)


def parse(plain: Plain, contract: Contract = AGE) -> Plain:
    files = plain.dump()
    return Plain.parse(files["runtime.json"], files.get("runtime.npz"), contract)


def refusal(plain: Plain, contract: Contract = AGE) -> str:
    with pytest.raises(FileError) as caught:
        parse(plain, contract)
    return str(caught.value)


def nodes(**changes: Any) -> Plain:
    """The stairs, with other arrays."""
    kinds = {name: array.dtype for name, array in vars(STAIRS).items()}
    changed = {name: np.array(values, dtype=kinds[name]) for name, values in changes.items()}
    return Plain(TREE.form, Nodes(**{**vars(STAIRS), **changed}))


def test_parse_when_a_model_was_dumped_then_is_the_same() -> None:
    found = parse(TREE)

    assert found.form == TREE.form
    assert found.nodes is not None
    for name, array in vars(found.nodes).items():
        np.testing.assert_array_equal(array, vars(STAIRS)[name])


def test_dump_when_done_twice_then_gives_the_same_bytes() -> None:
    assert TREE.dump() == TREE.dump()


def test_parse_when_there_is_a_reason_instead_of_a_model_then_is_that() -> None:
    assert parse(Plain(Form(reason="it is odd"))).form.reason == "it is odd"


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        (nodes(sizes=[4]), "does not hold as many nodes as its trees have"),
        (nodes(sizes=[2**62, 2**62]), "holds a tree of no nodes"),
        (nodes(sizes=[5, 0]), "holds a tree of no nodes"),
        (nodes(sizes=[]), "holds a tree of no nodes"),
        (nodes(numbers=[3.0, 10, 7, 20]), "does not hold as many nodes"),
        (nodes(features=[1, -1, 0, -1, -1]), "looks at a column that is none"),
        (nodes(features=[-2, -1, 0, -1, -1]), "looks at a column that is none"),
        (nodes(features=[-1, 0, 0, -1, -1]), "holds nodes that are no tree"),
        (nodes(features=[0, -1, -1, -1, -1]), "holds nodes that are no tree"),
        (nodes(features=[0, 0, 0, -1, -1]), "holds nodes that are no tree"),
        (nodes(features=[0, -1, -1, 0, -1]), "holds nodes that are no tree"),
        (nodes(numbers=[np.nan, 10, 7, 20, 30]), "holds what is no number"),
        (nodes(numbers=[3, np.inf, 7, 20, 30]), "holds what is no number"),
        (Plain(TREE.form), "must be there for trees"),
        (Plain(LINE, STAIRS), "must be there for trees, and for nothing else"),
        (Plain(Form(reason="odd", model=LINE.model)), "either a model or the reason"),
        (Plain(Form()), "either a model or the reason"),
    ],
)
def test_parse_when_the_arrays_are_no_trees_then_is_refused(plain: Plain, message: str) -> None:
    assert message in refusal(plain)


def test_parse_when_a_threshold_is_infinite_then_is_read() -> None:
    """Where only what is missing goes the other way."""
    assert parse(nodes(numbers=[np.inf, 10, 7, 20, 30])).nodes is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": (NumberInput(column=1),)},
        {"inputs": (NumberInput(column=0), NumberInput(column=1))},
        {"inputs": (NumberInput(column=0, indicator=0),)},
        {"inputs": ()},
        {"model": Linear(intercept=1.0, coefficients=(), means=(), scales=())},
    ],
)
def test_parse_when_columns_do_not_fit_then_is_refused(changes: dict[str, Any]) -> None:
    assert refusal(Plain(LINE.model_copy(update=changes))).startswith("runtime.json ")


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ([], "does not hold one curve for each column"),
        ([Curve(knots=(1, 1), pieces=((0,), (0,), (0,)))], "a curve whose knots do not rise"),
        ([Curve(knots=(1, 2), pieces=((0,), (0,)))], "does not have one piece between knots"),
    ],
)
def test_parse_when_curves_are_none_then_is_refused(curves: list[Curve], message: str) -> None:
    model = Curves(intercept=1.0, curves=tuple(curves))

    assert message in refusal(Plain(LINE.model_copy(update={"model": model})))


def test_parse_when_a_curve_is_of_a_high_degree_then_is_refused() -> None:
    """However few pieces are long, all would take as much memory."""
    long = Curve.model_construct(knots=(1.0,), pieces=((0.0,), (0.0,) * 5))
    model = Curves.model_construct(kind="curves", intercept=1.0, curves=(long,))

    assert "at most 4" in refusal(Plain(LINE.model_copy(update={"model": model})))


def test_parse_when_it_is_of_another_contract_then_is_refused() -> None:
    other = contract_of(category("grade", ["low", "high"]))

    assert refusal(Plain(LINE), other) == "runtime.json does not take the inputs of the contract"


@pytest.mark.parametrize(
    ("key", "value"), [("intercept", "NaN"), ("scales", [0.0]), ("kind", "forest"), ("more", 1)]
)
def test_parse_when_a_value_is_none_that_is_written_then_is_refused(key: str, value: Any) -> None:
    content = json.loads(Plain(LINE).dump()["runtime.json"])
    content["model"][key] = value

    with pytest.raises(FileError, match="is not what an export writes"):
        Plain.parse(json.dumps(content).encode(), None, AGE)


def packed(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as source:
        for name, content in members.items():
            source.writestr(name, content)
    return target.getvalue()


def unpacked() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(TREE.dump()["runtime.npz"])) as source:
        return {name: source.read(name) for name in source.namelist()}


def npy(array: Any, **settings: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **settings)
    return stream.getvalue()


@pytest.mark.parametrize(
    "member",
    [
        npy(np.array([3.0, 10, 7, 20, 30]))[:-1],
        npy(np.array([3.0, 10, 7, 20, 30])) + b"\0",
        npy(np.zeros((5, 1))),
        npy(np.zeros(5, dtype=np.float32)),
        npy(np.array([{}] * 5), allow_pickle=True),
        npy(np.zeros(5)).replace(b"(5,)", b"(9,)"),
        b"",
        b"garbage",
    ],
)
def test_parse_when_a_member_is_no_such_array_then_is_refused(member: bytes) -> None:
    files = packed({**unpacked(), "numbers.npy": member})

    with pytest.raises(FileError, match=r"^runtime\.npz"):
        Plain.parse(TREE.dump()["runtime.json"], files, AGE)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        packed({}),
        packed({**unpacked(), "more.npy": b""}),
        TREE.dump()["runtime.npz"][:-30],
    ],
)
def test_parse_when_the_zip_is_another_then_is_refused(content: bytes) -> None:
    with pytest.raises(FileError, match=r"^runtime\.npz"):
        Plain.parse(TREE.dump()["runtime.json"], content, AGE)


@pytest.mark.parametrize(
    ("place", "value"),
    [(8, 99), (10, 99), (8, 8), (6, 1), (6, 32)],
    ids=["unknown packing", "later version", "deflated", "password", "patched"],
)
def test_parse_when_a_member_is_said_to_be_packed_otherwise_then_is_refused(
    place: int, value: int
) -> None:
    content = bytearray(TREE.dump()["runtime.npz"])
    entry = content.index(b"PK\x01\x02")
    offset = {8: entry + 10, 10: entry + 6, 6: entry + 8}[place]
    content[offset] = value

    with pytest.raises(FileError, match=r"^runtime\.npz is damaged"):
        Plain.parse(TREE.dump()["runtime.json"], bytes(content), AGE)


def test_order_by_level_when_nodes_come_depth_first_then_siblings_stand_together() -> None:
    """A root with an inner first child: 0 (1 (2, 3), 4)."""
    tree = (
        np.array([7, 8, -1, -1, -1]),
        np.array([0.0, 1, 2, 3, 4]),
        np.array([1, 0, 0, 0, 0]),
        np.array([1, 2, -1, -1, -1]),
        np.array([4, 3, -1, -1, -1]),
    )

    found = order_by_level([tree, tree])

    assert found.sizes.tolist() == [5, 5]
    assert found.features.tolist() == [7, 8, -1, -1, -1] * 2
    assert found.numbers.tolist() == [0, 1, 4, 2, 3] * 2
    assert found.missing_left.tolist() == [1, 0, 0, 0, 0] * 2
