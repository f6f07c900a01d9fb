"""The folder of bundles: order, the pointer, whole folders, and the reserve."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from processes import run_eight
from salary_kedro.bundle import BundleError, BundleStore
from salary_kedro.bundle.bundle import pack
from salary_kedro.contract import Contract
from samples import bundle_files, constant

A, B = "1-aaaaaaaa", "2-bbbbbbbb"


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    """An empty folder."""
    (tmp_path / "bundles").mkdir()
    return BundleStore(tmp_path / "bundles")


def fill(store: BundleStore, contract: Contract, *versions: int) -> dict[int, str]:
    """Write a good bundle for each version, which predicts its number; gives their names."""
    names = {}
    for version in versions:
        name, files = pack("salaries", version, bundle_files(contract, constant(version)))
        store.write(name, files)
        names[version] = name
    return names


def damage(store: BundleStore, name: str) -> str:
    """Alter a bundle; gives what is then said of it."""
    (store.folder / name / "model.skops").write_bytes(b"garbage")
    return f"bundle {name}: model.skops was altered: its checksum is not the one in manifest.json"


def everything(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


# --- Names -----------------------------------------------------------------------


def test_names_when_versions_have_more_digits_then_are_ordered_by_number(
    store: BundleStore,
) -> None:
    for name in ("9-00000000", "10-00000000", "2-00000000", "100-00000000"):
        (store.folder / name).mkdir()

    assert store.names() == ["100-00000000", "10-00000000", "9-00000000", "2-00000000"]


def test_names_when_other_things_lie_about_then_are_those_of_bundles_alone(
    store: BundleStore,
) -> None:
    others = [".7-00000000-x1", "7-0000", "7-0000000g", "x-00000000", "7", "7-00000000.bak"]
    for name in ["3-00000000", *others]:
        (store.folder / name).mkdir()
    store.point_to("3-00000000")

    assert store.names() == ["3-00000000"]


def test_names_when_there_is_no_folder_yet_then_are_none(tmp_path: Path) -> None:
    assert BundleStore(tmp_path / "nowhere").names() == []


# --- The pointer ------------------------------------------------------------------


def test_current_when_there_is_no_pointer_then_is_none(tmp_path: Path) -> None:
    assert BundleStore(tmp_path / "nowhere").current() is None


def test_point_to_when_called_again_then_current_is_the_last(store: BundleStore) -> None:
    store.point_to(A)
    store.point_to(B)

    assert store.current() == B


def test_point_to_when_a_folder_is_in_its_place_then_says_so_and_leaves_nothing(
    store: BundleStore,
) -> None:
    (store.folder / "current").mkdir(parents=True)
    with pytest.raises(BundleError, match=r"current is a folder, .*: remove it"):
        store.point_to("1-00000000")
    assert [path.name for path in store.folder.iterdir()] == ["current"]


def test_state_when_a_folder_is_in_the_pointers_place_then_leaves_no_handle_open(
    store: BundleStore,
) -> None:
    (store.folder / "current").mkdir()
    before = _open_handles()
    (said,) = store.state()  # as the service does, four times a second
    assert "Is a directory" in str(said)
    assert _open_handles() == before


def _open_handles() -> list[str]:
    return sorted(handle.name for handle in Path("/dev/fd").iterdir())


def test_point_to_when_done_then_leaves_the_pointer_and_nothing_else(store: BundleStore) -> None:
    store.point_to(A)
    store.point_to(B)

    assert everything(store.folder) == {"current": b"2-bbbbbbbb\n"}


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("", "''"),
        ("latest", "'latest'"),
        ("../1-aaaaaaaa", "'../1-aaaaaaaa'"),
        ("1-aaaaaaaa\n2-bbbbbbbb\n", r"'1-aaaaaaaa\n2-bbbbbbbb'"),
        ("x" * 100, "'" + "x" * 40 + "'"),
    ],
)
def test_current_when_the_pointer_holds_something_else_then_shows_it(
    content: str, shown: str, store: BundleStore
) -> None:
    pointer = store.folder / "current"
    pointer.write_text(content)

    with pytest.raises(BundleError) as caught:
        store.current()

    assert str(caught.value) == f"the pointer {pointer} holds {shown}, not a bundle's name"


def test_current_when_the_pointer_is_not_text_then_is_a_bundle_error(store: BundleStore) -> None:
    (store.folder / "current").write_bytes(b"\xff\xfe")

    with pytest.raises(BundleError, match=r"^the pointer .*/current cannot be read: "):
        store.current()


def test_current_when_the_pointer_is_a_folder_then_is_a_bundle_error(store: BundleStore) -> None:
    (store.folder / "current").mkdir()

    with pytest.raises(BundleError, match=r"^the pointer .*/current cannot be read: "):
        store.current()


def test_current_when_the_pointer_moves_all_the_time_then_is_always_one_of_the_names(
    store: BundleStore,
) -> None:
    store.point_to(A)
    seen: set[str | None] = set()
    problems: list[BundleError] = []
    moved = threading.Event()

    def read() -> None:
        while not moved.is_set():
            try:
                seen.add(store.current())
            except BundleError as error:
                problems.append(error)

    readers = [threading.Thread(target=read, daemon=True) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(200):
        store.point_to(B)
        store.point_to(A)
    moved.set()
    for reader in readers:
        reader.join()

    assert problems == []
    assert seen == {A, B}


# --- Writing ------------------------------------------------------------------------


def test_write_when_there_is_no_folder_yet_then_makes_it(tmp_path: Path) -> None:
    store = BundleStore(tmp_path / "new" / "bundles")

    store.write(A, {"one": b"1", "two": b"2"})

    assert everything(store.folder) == {f"{A}/one": b"1", f"{A}/two": b"2"}


def test_write_when_a_damaged_folder_has_the_name_then_replaces_it_whole(
    store: BundleStore,
) -> None:
    store.write(A, {"one": b"damaged", "other": b"x"})

    store.write(A, {"one": b"1"})

    assert everything(store.folder) == {f"{A}/one": b"1"}


def test_write_when_a_file_of_that_name_is_a_link_then_replaces_it(
    store: BundleStore, contract: Contract
) -> None:
    name, files = pack("salaries", 1, bundle_files(contract, constant(1)))
    store.write(name, files)
    metrics = store.folder / name / "metrics.json"
    metrics.rename(store.folder / "elsewhere.json")
    metrics.symlink_to(store.folder / "elsewhere.json")

    store.write(name, files)

    assert not metrics.is_symlink()
    assert store.read(name) == files


def test_write_when_it_breaks_off_then_leaves_nothing(store: BundleStore) -> None:
    with pytest.raises(TypeError):
        store.write(A, {"one": b"1", "two": None})  # type: ignore[dict-item]

    assert list(store.folder.iterdir()) == []


def test_write_when_it_breaks_off_then_keeps_the_earlier_folder(store: BundleStore) -> None:
    store.write(A, {"one": b"1"})

    with pytest.raises(TypeError):
        store.write(A, {"one": None})  # type: ignore[dict-item]

    assert everything(store.folder) == {f"{A}/one": b"1"}


DIES = """
import os, signal, sys
from pathlib import Path
from salary_kedro.bundle import BundleStore

class Files(dict):
    def items(self):
        os.kill(os.getpid(), signal.SIGKILL)

BundleStore(Path(sys.argv[1])).write("1-aaaaaaaa", Files())
"""


@pytest.mark.process
def test_write_when_another_was_killed_meanwhile_then_removes_what_that_left(
    store: BundleStore, contract: Contract
) -> None:
    subprocess.run([sys.executable, "-c", DIES, str(store.folder)], check=False)
    left = [*store.folder.iterdir()]

    names = fill(store, contract, 2)

    assert len(left) == 2
    assert [path.name for path in store.folder.iterdir()] == [names[2]]


@pytest.mark.process
def test_write_when_eight_processes_write_the_same_bundle_then_all_succeed(
    store: BundleStore, contract: Contract, tmp_path: Path
) -> None:
    name, files = pack("salaries", 1, bundle_files(contract))
    original = BundleStore(tmp_path / "original")
    original.write(name, files)

    run_eight(
        "from pathlib import Path; from salary_kedro.bundle import BundleStore",
        "folder, original, name = sys.argv[1:]\n"
        "files = {path.name: path.read_bytes() for path in Path(original, name).iterdir()}\n"
        "for _ in range(20): BundleStore(Path(folder)).write(name, files)",
        *(str(store.folder), str(original.folder), name),
    )

    assert store.load(name).version == 1
    assert everything(store.folder) == everything(original.folder)
    assert [path.name for path in store.folder.iterdir()] == [name]


# --- Which one to serve -----------------------------------------------------------------


@pytest.mark.parametrize("damaged", [False, True])
def test_choose_when_one_bundle_alone_may_be_served_then_no_other_is(
    store: BundleStore, contract: Contract, damaged: bool
) -> None:
    names = fill(store, contract, 1, 2)
    store.point_to(names[2])
    if damaged:
        damage(store, names[2])
    bound = BundleStore(store.folder, only=names[2 if damaged else 1])
    for choose in (bound.choose, bound.load_current):
        with pytest.raises(BundleError):
            choose()


def test_choose_when_nothing_was_packaged_then_is_none(store: BundleStore) -> None:
    assert store.choose() is None


def test_choose_when_the_current_bundle_is_good_then_is_that(
    store: BundleStore, contract: Contract
) -> None:
    names = fill(store, contract, 1, 2)
    store.point_to(names[1])

    choice = store.choose()

    assert choice is not None
    assert (choice.bundle.name, choice.source, choice.reason) == (names[1], "current", None)


def test_choose_when_the_current_bundle_is_damaged_then_is_the_highest_number_below_it(
    store: BundleStore, contract: Contract
) -> None:
    names = fill(store, contract, 1, 2, 9, 10, 11, 12)
    store.point_to(names[11])
    reason = damage(store, names[11])

    choice = store.choose()

    assert choice is not None
    assert (choice.bundle.version, choice.source, choice.reason) == (10, "reserve", reason)
    assert choice.bundle.predict([[5.0]]).tolist() == [10.0]


def test_choose_when_reserves_are_damaged_too_then_is_the_next_and_says_why(
    store: BundleStore, contract: Contract
) -> None:
    names = fill(store, contract, 8, 9, 10)
    store.point_to(names[10])
    reasons = [damage(store, names[10]), damage(store, names[9])]

    choice = store.choose()

    assert choice is not None
    assert (choice.bundle.version, choice.reason) == (8, "; ".join(reasons))


def test_choose_when_the_current_bundle_is_gone_then_is_the_reserve(
    store: BundleStore, contract: Contract
) -> None:
    fill(store, contract, 1)
    store.point_to("2-00000000")

    choice = store.choose()

    assert choice is not None
    assert (choice.bundle.version, choice.source) == (1, "reserve")
    assert choice.reason == "bundle 2-00000000: manifest.json is missing"


def test_choose_when_a_folder_was_half_written_then_passes_it_over(
    store: BundleStore, contract: Contract
) -> None:
    names = fill(store, contract, 1, 2)
    (store.folder / names[2]).rename(store.folder / f".{names[2]}-x1")
    store.point_to("3-00000000")

    choice = store.choose()

    assert choice is not None
    assert choice.bundle.version == 1


def test_choose_when_none_is_good_then_says_why_of_each(
    store: BundleStore, contract: Contract
) -> None:
    names = fill(store, contract, 1, 2, 3)
    store.point_to(names[2])
    reasons = [damage(store, names[2]), damage(store, names[1])]

    with pytest.raises(BundleError) as caught:
        store.choose()

    assert str(caught.value) == f"no bundle can be served: {'; '.join(reasons)}"


def test_choose_when_the_pointer_is_garbage_then_is_a_bundle_error(
    store: BundleStore, contract: Contract
) -> None:
    fill(store, contract, 1)
    (store.folder / "current").write_text("latest")

    with pytest.raises(BundleError, match="holds 'latest', not a bundle's name"):
        store.choose()


def test_load_when_the_folder_is_another_models_then_is_refused(
    store: BundleStore, contract: Contract
) -> None:
    """As with a bundle that was copied from another environment, whose numbers are the same."""
    names = fill(store, contract, 1)
    store.belong_to("professor_salary")

    with pytest.raises(BundleError) as caught:
        store.load(names[1])

    assert str(caught.value) == (
        f"bundle {names[1]}: it is of the model 'salaries', and here lie those of "
        f"'professor_salary'; package the production version again with `make run`"
    )


def test_choose_when_only_another_models_bundle_is_whole_then_is_no_reserve(
    store: BundleStore, contract: Contract
) -> None:
    names = fill(store, contract, 1)
    store.belong_to("professor_salary")
    store.point_to("2-00000000")

    with pytest.raises(BundleError, match=f"{names[1]}: it is of the model 'salaries'"):
        store.choose()


def test_load_when_the_folder_is_its_own_models_then_is_loaded(
    store: BundleStore, contract: Contract
) -> None:
    names = fill(store, contract, 1)
    store.belong_to("salaries")
    assert store.load(names[1]).model_name == "salaries"
