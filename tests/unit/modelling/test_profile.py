"""What training rows are like, in counts that tell of no single person."""

from typing import Any

import numpy as np
import pandas as pd

from salary_kedro.bundle.profile import CategoryProfile, NumberProfile, Profile
from salary_kedro.modelling.profile import (
    count_numbers,
    learn_profile,
    measure_errors,
    profile_numbers,
    profile_texts,
)
from samples import boolean, category, clean_column, column, contract_of, day


def numbers(*values: float) -> NumberProfile | None:
    return profile_numbers(np.array(values, dtype=np.float64))


def texts(*values: str | None) -> CategoryProfile | None:
    return profile_texts(pd.Series(values, dtype=object))


def test_numbers_when_they_differ_then_bins_hold_five_and_more_each() -> None:
    found = numbers(*range(1, 13))

    assert found is not None
    assert (found.edges, found.counts) == ((5.5,), (5, 7))
    assert found.missing == 0


def test_numbers_when_they_are_many_then_ten_bins_hold_equally_many() -> None:
    found = numbers(*range(1000))

    assert found is not None
    assert found.counts == (100,) * 10


def test_numbers_when_values_repeat_then_no_value_is_parted() -> None:
    found = numbers(*[1.0] * 9, *[2.0] * 6)

    assert found is not None
    assert (found.edges, found.counts) == ((1.5,), (9, 6))


def test_numbers_when_all_are_equal_then_there_are_bins_below_and_above() -> None:
    found = numbers(*[3.0] * 10)

    assert found is not None
    assert (found.edges, found.counts) == ((np.nextafter(3.0, 0), 3.0), (0, 10, 0))


def test_numbers_when_few_of_many_differ_then_they_are_counted_with_the_others() -> None:
    found = numbers(*[3.0] * 396, 1.0, 4.0, 5.0, 6.0)

    assert found is not None
    assert (found.edges, found.counts) == ((np.nextafter(3.0, 0), 3.0), (0, 400, 0))


def test_numbers_when_few_of_some_differ_then_there_is_one_bin() -> None:
    found = numbers(*[3.0] * 395, 1.0, 4.0, 5.0, 6.0)

    assert found is not None
    assert (found.edges, found.counts) == ((), (399,))


def test_numbers_when_rows_are_of_few_people_then_bins_hold_five_people_each() -> None:
    values = np.arange(24.0)

    alone, by_two = profile_numbers(values), profile_numbers(values, np.arange(24) // 2)

    # bins of five rows would be of three people
    assert alone is not None
    assert by_two is not None
    assert (alone.counts, by_two.counts) == ((5, 5, 5, 9), (10, 14))


def test_numbers_when_all_are_of_four_people_then_nothing_is_told() -> None:
    assert profile_numbers(np.arange(20.0), np.arange(20) % 4) is None


def test_numbers_when_two_are_next_to_each_other_then_no_edge_parts_them() -> None:
    found = numbers(*[1.0] * 6, *[float(np.nextafter(1.0, 2.0))] * 6, *[2.0] * 6)

    assert found is not None
    assert (found.edges, found.counts) == ((1.5,), (12, 6))


def test_numbers_when_an_edge_can_have_few_digits_then_it_is_nobodys_value() -> None:
    found = numbers(1.234, 2.345, 3.456, 4.567, 5.678, 6.789, 7.891, 8.912, 9.123, 9.234)

    assert found is not None
    assert found.edges == (6.2,)  # between 5.678 and 6.789, whose middle is 6.2335


def test_numbers_when_few_are_missing_then_that_is_not_told() -> None:
    once, often = numbers(*range(10), np.nan), numbers(*range(10), *[np.nan] * 5)

    assert once is not None
    assert often is not None
    assert (once.missing, often.missing) == (None, 5)


def test_numbers_when_few_are_missing_then_no_subtraction_tells_how_many() -> None:
    told = [numbers(*range(10), *[np.nan] * few) for few in (1, 2)]

    # all rows are counted, as in a field without a missing value: 11 - 11 and 12 - 12
    assert [sum(found.counts) for found in told if found is not None] == [11, 12]


def test_numbers_when_few_of_many_are_missing_then_they_count_as_none() -> None:
    found = numbers(*range(398), np.nan, np.nan)

    assert found is not None
    assert (sum(found.counts), found.missing) == (400, 0)


def test_numbers_when_they_are_fewer_than_five_then_nothing_is_told() -> None:
    assert numbers(1, 2, 3, 4, np.nan) is None


def test_numbers_when_their_squares_are_no_numbers_then_nothing_is_told() -> None:
    assert numbers(*[1e300, -1e300] * 5) is None


def test_numbers_when_they_are_too_near_for_a_spread_then_edges_are_still_between() -> None:
    found = numbers(*np.linspace(0, 1e-320, 12))

    assert found is not None
    assert found.counts == (5, 7)


def test_count_when_a_number_is_an_edge_then_belongs_to_the_bin_below() -> None:
    counted = count_numbers(np.array([1.0, 2.0, 2.5, 9.0]), (2.0, 3.0))

    assert counted.tolist() == [2, 1, 1]


def test_texts_when_some_are_rare_then_are_told_together() -> None:
    found = texts(*["a"] * 9, *["b"] * 6, *["c"] * 3, "d", "e")

    assert found == CategoryProfile(categories={"a": 9, "b": 6}, missing=0, others=5)


def test_texts_when_the_rare_ones_are_few_then_the_next_common_one_joins_them() -> None:
    found = texts(*["a"] * 9, *["b"] * 6, "c")

    assert found == CategoryProfile(categories={"a": 9}, missing=0, others=7)


def test_texts_when_few_of_many_differ_then_they_are_counted_with_the_others() -> None:
    found = texts(*["false"] * 397, *["true"] * 3)

    assert found == CategoryProfile(categories={"false": 400}, missing=0, others=0)


def test_texts_when_rows_are_of_few_people_then_texts_of_four_are_told_together() -> None:
    values = pd.Series(["a"] * 6 + ["b"] * 10 + ["c"] * 2, dtype=object)
    people = np.array([0, 1, 2, 3, 4, 5, *[6, 7, 8, 9] * 2, 6, 7, 10, 11])

    found = profile_texts(values, people)

    assert found == CategoryProfile(categories={"a": 6}, missing=0, others=12)


def test_texts_when_few_are_missing_then_are_among_the_others() -> None:
    found = texts(*["a"] * 9, *["c"] * 3, None, None)

    assert found == CategoryProfile(categories={"a": 9}, missing=None, others=5)


def test_texts_when_many_are_missing_then_that_is_told() -> None:
    assert texts(*["a"] * 9, *[None] * 6) == CategoryProfile(
        categories={"a": 9}, missing=6, others=0
    )


def test_texts_when_all_are_rare_then_no_subtraction_of_those_missing_tells_of_them() -> None:
    found = texts(*["a"] * 3, *[None] * 6)

    assert found == CategoryProfile(categories={}, missing=None, others=9)


def test_texts_when_there_are_too_many_then_the_commonest_are_told() -> None:
    found = texts(*[f"t{place:03}" for place in range(101) for _ in range(5)])

    assert found is not None
    assert (len(found.categories), found.others) == (100, 5)
    assert "t100" not in found.categories


def test_errors_when_they_are_known_then_hold_mean_and_spread_of_their_squares() -> None:
    found = measure_errors(np.zeros(5), np.array([1.0, -1.0, 1.0, -1.0, 3.0]))

    assert found is not None
    assert (found.rows, found.mean_square) == (5, 2.6)  # of 1, 1, 1, 1, 9
    assert np.isclose(found.spread, np.sqrt(12.8))


def test_errors_when_they_are_no_numbers_then_nothing_is_told() -> None:
    assert measure_errors(np.full(5, 1e300), np.zeros(5)) is None


def out_of_fold(predicted: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"repeat": 0, "predicted": predicted, "actual": 0.0})


def test_learn_when_rows_hold_every_kind_then_each_is_counted() -> None:
    kinds: dict[str, tuple[dict[str, Any], list[Any]]] = {
        "age": (column("age"), [20.0] * 5 + [30.0] * 5),
        "sex": (category("sex", ["f", "m"]), ["f"] * 5 + ["m"] * 5),
        "remote": (boolean("remote"), [True] * 5 + [False] * 5),
        "hired": (day("hired"), ["1970-01-02"] * 5 + ["1970-01-04"] * 5),
    }
    contract = contract_of(*(feature for feature, _ in kinds.values()))
    rows = pd.DataFrame(
        {item.name: clean_column(kinds[item.name][1], item) for item in contract.inputs}
    )

    unseen = np.array([1.0] * 5 + [2.0] * 6)
    found = learn_profile(rows, out_of_fold([9.0] * 10), contract, unseen)

    assert {name: getattr(field, "edges", None) for name, field in found.fields.items()} == {
        "age": (25.0,),
        "sex": None,
        "remote": None,
        "hired": (2.0,),
    }
    assert found.fields["remote"].categories == {"false": 5, "true": 5}  # type: ignore[union-attr]
    assert found.holdout_predictions is not None
    assert found.holdout_predictions.counts == (5, 6)


def test_learn_when_folds_repeat_then_each_row_counts_once() -> None:
    twice = pd.concat([out_of_fold([1.0] * 6), out_of_fold([1.0] * 6).assign(repeat=1)])
    rows = pd.DataFrame({"age": [1.0] * 6})

    found = learn_profile(rows, twice, contract_of(column("age")))

    assert found.errors is not None
    assert found.errors.rows == 6


def test_learn_when_versions_differ_by_a_row_then_no_figure_tells_of_it() -> None:
    contract, values = contract_of(column("age")), np.round(np.linspace(20, 60, 999), 1)
    before, after = (
        learn_profile(
            pd.DataFrame({"age": ages}), out_of_fold([1 / 3] * len(ages)), contract
        ).model_dump()
        for ages in (values, np.append(values, 47.3))
    )

    assert [key for key in before["fields"]["age"] if key not in ("edges", "counts")] == ["missing"]
    assert before["errors"]["mean_square"] == after["errors"]["mean_square"] == 0.1111


def test_learn_when_rows_are_too_few_then_nothing_is_told() -> None:
    rows = pd.DataFrame({"age": [1.0] * 4})

    assert learn_profile(rows, out_of_fold([1.0] * 4), contract_of(column("age"))) == Profile()


def test_learn_when_rows_are_of_few_people_then_bins_of_inputs_and_predictions_hold_five() -> None:
    values, people = np.arange(24.0), np.arange(24) // 2

    found = learn_profile(
        pd.DataFrame({"age": values}),
        out_of_fold([1.0] * 24),
        contract_of(column("age")),
        values,
        (people, people),
    )

    age = found.fields["age"]
    assert isinstance(age, NumberProfile)
    assert found.holdout_predictions is not None
    assert age.counts == found.holdout_predictions.counts == (10, 14)
