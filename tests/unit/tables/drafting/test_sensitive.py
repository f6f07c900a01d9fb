"""Columns that tell who people are, in the spellings of surveys and textbooks."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from salary_kedro.contract import CsvDialect
from salary_kedro.tables.drafting.facts import Facts, look
from salary_kedro.tables.drafting.sensitive import follow, trait_of


def fact(header: str, cells: list[Any]) -> Facts:
    """What a column of these cells shows, each 20 times."""
    texts = pd.Series([str(cell) for cell in cells] * 20)
    return look(pd.DataFrame({header: texts}), CsvDialect())[0]


@pytest.mark.parametrize(
    ("headers", "trait"),
    [
        ("sex SEX Gender female male GenderID Geschlecht y85female 性別 płeć", "sex"),
        ("Salutation Anrede pronouns Civilité tratamiento", "sex"),
        ("race race1 RAC1P black white nonwhite hisp hispanic ethn ethnicity", "race or ethnicity"),
        ("HispanicLatino race_eth RaceDesc afam hushisp", "race or ethnicity"),
        ("age Age agecell age_group AGEP birth_yr birthyear DOB agesq Alter age76", "age"),
        ("Date_of_Birth geburtsdatum seniorcitizen Jahrgang", "age"),
        ("foreign immigrant native CitizenDesc country_of_birth birthplace POBP", "origin"),
        ("religion catholic Konfession prot Kirchensteuer church_tax", "religion"),
        ("married mar_stat marstat nevmarr nev_mar maritl MaritalStatus msp", "marital status"),
        ("Steuerklasse tax_class filing_status", "marital status"),
        ("maternity_leave ParentalLeave Elternzeit", "pregnancy"),
        ("disability DIS_handicapped schwerbehindert", "disability"),
        ("union y85union unionized trade_union husunion UNION", "union membership"),
        ("pregnant caste", "pregnancy caste"),
        ("veteran VetStat sexual_orientation", "veteran veteran sexual"),
    ],
)
def test_trait_when_a_header_tells_it_then_is_found(headers: str, trait: str) -> None:
    expected = trait.split() if len(trait.split()) == len(headers.split()) > 1 else [trait]
    found = [trait_of(fact(header, [0, 1])) or "" for header in headers.split()]

    assert all(map(str.startswith, found, expected * len(found))), found


OTHERS = """
    exper experience smsa south GENHLTH Sussex wage mileage language company_age white_collar
    blackberries credit_union manager mortgage usage RelationshipSatisfaction country region
    parttime tenure educ whitelist birth_weight
"""


@pytest.mark.parametrize("header", OTHERS.split())
def test_trait_when_a_header_only_looks_like_one_then_there_is_none(header: str) -> None:
    assert trait_of(fact(header, [0, 1])) is None


@pytest.mark.parametrize(
    ("cells", "trait"),
    [
        (["Male", "Female"], "sex"),
        (["m", "f", "f"], "sex"),
        (["Männlich", "Weiblich", "divers"], "sex"),
        (["Homme", "Femme"], "sex"),
        (["мужской", "женский"], "sex"),
        (["男", "女"], "sex"),
        (["Herr", "Frau", "Divers"], "sex"),
        (["Hr.", "Fr."], "sex"),
        (["Herr Dr.", "Frau", "Herr", "Frau Prof. Dr."], "sex"),
        (["Mr", "Mrs", "Ms", "Miss", "Mx", "Dr"], "sex"),
        (["M.", "Mme", "Mlle"], "sex"),
        (["Sr.", "Sra.", "Srta."], "sex"),
        (["he/him", "she/her", "they/them"], "sex"),
        (["1. White", "2. Black", "3. Asian", "4. Other"], "race or ethnicity"),
        (["cauc", "afam", "other"], "race or ethnicity"),
        (["Black or African American", "Asian", "White", "Hispanic"], "race or ethnicity"),
        (["1. Never Married", "2. Married", "4. Divorced"], "marital status"),
        (["ledig", "verheiratet"], "marital status"),
        (["Catholic", "Protestant", "None"], "religion"),
        (["English", "French", "Other"], "origin"),
    ],
)
def test_trait_when_texts_tell_it_then_is_found_whatever_the_header(
    cells: list[str], trait: str
) -> None:
    assert trait_of(fact("q17", cells)) == trait


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("q17", ["a", "b"]),
        ("q17", ["Male", "Engineer"]),
        ("car_colour", ["white", "black"]),
        ("q17", ["white", "black", "red", "blue"]),
        ("q17", ["Active", "Separated"]),
        ("q17", ["Python", "Java"]),
        ("q17", ["Dr", "Prof"]),
        ("q17", ["Jr", "Sr"]),
        ("q17", ["FR", "MX"]),
        ("country", ["FR", "HR"]),
    ],
)
def test_trait_when_texts_mean_something_else_then_there_is_none(
    header: str, cells: list[str]
) -> None:
    assert trait_of(fact(header, cells)) is None


def test_follow_when_a_column_is_made_from_a_sensitive_one_then_names_it() -> None:
    random = np.random.default_rng(1)
    female, year, educ = (random.integers(0, top, 200) for top in (2, 2, 9))
    table = pd.DataFrame(
        {
            "female": female,
            "code": np.where(female, "B", "A"),
            "y85fem": female * year,
            "mleeduc": (1 - female) * educ,
            "y85": year,
            "educ": educ,
            "y85educ": year * educ,
        }
    )
    texts = table.astype("str")
    texts.loc[3, "y85fem"] = ""

    found = follow(texts, ["female"])

    assert found == dict.fromkeys(["code", "y85fem", "mleeduc"], "female")


def test_follow_when_rows_are_few_then_finds_nothing() -> None:
    assert follow(pd.DataFrame({"sex": ["f", "m"], "x": ["a", "b"]}), ["sex"]) == {}
