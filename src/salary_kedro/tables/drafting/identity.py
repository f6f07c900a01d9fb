"""Recognises columns that tell who somebody is: names of people, addresses, numbers of rows."""

import itertools

import numpy as np

from salary_kedro.tables.drafting import headers
from salary_kedro.tables.drafting.facts import Facts
from salary_kedro.tables.drafting.headers import word_set

PERSONAL = word_set(
    """
    email mail phone telephone mobile address iban ssn passport firstname lastname surname
    forename fullname vorname nachname familienname prenom nombre apellido cognome nome imie
    nazwisko socialsecurity taxid nif dni curp aadhaar pesel sozialversicherungsnummer
    """
)
NAMES = word_set("name names namen nom nama")
#: Beside `name`, these tell a person's name from another, such as a company's.
PERSONS = word_set(
    """
    first last full middle employee emp person staff worker manager mgr supervisor boss superior
    lead leader player teacher candidate applicant respondent user member author contact
    """
)
#: Who these are is told by texts with the look of names.
ROLES = PERSONS | word_set(
    "reportsto managername vorgesetzter chef responsable jefe head agent recruiter"
)
#: The most common first names in tables of many countries.
FIRST_NAMES = word_set(
    """
    james john robert michael david william richard thomas mary patricia jennifer linda elizabeth
    susan jessica sarah karen maria anna anne ana jose juan luis carlos antonio manuel francisco
    jean pierre marie paul peter hans klaus wolfgang stefan andreas martin christian daniel jan
    piotr pavel petr ivan sergey olga elena natalia mohammed mohamed ahmed ali fatima raj amit
    priya wei li ming yuki kenji giuseppe giovanni marco laura sofia lars erik karl
    alexander andrew brian kevin mark steven george charles joseph nancy lisa betty margaret
    amy brandon eric janet simon debra david alex
    """
)
#: A shorter word is a number of people only by itself, not in `nr_of_rooms`.
SHORT = 5
IDENTIFIERS = word_set("id ids uuid guid rownames rowid unnamed")
#: Numbers of people, whatever stands beside them.
PERSON_IDENTIFIERS = word_set(
    """
    ssn nr personid personnr persnr persnum pernum pid empid employeeid staffid userid memberid
    caseid idcase idcode idno idnr idnum hhid hhidpn intnum seqn serial serialno sernr respid
    respondentid playerid matricule matrikelnummer personalnummer personalnr rut employeenumber
    employeeno empno empnumber staffnumber staffno payrollnumber payrollno badge badgenumber
    nlsid subjectid workerid newid uid recordid recid
    """
)
#: Of these, what a table of one row a person may call the rows.
RECORD_IDENTIFIERS = word_set(
    "nr seqn serial serialno sernr uid newid recordid recid intnum idno idnr idnum caseid idcase"
)
ROWS = word_set("index no number num row record line rownum rownumber obs obsno")
EMPLOYERS = word_set(
    """
    employer firm company establishment plant organisation organization unternehmen betrieb
    arbeitgeber firma entreprise empresa azienda
    """
)
#: Fewer texts are hardly names of employers.
MIN_EMPLOYERS = 3
#: How surveys call the number of people that a row stands for, and words beside `weight`.
WEIGHTS = word_set(
    """
    weight weights wgt wgts wght wt wts wtssall wtssnr wtssps perwt hhwt hhwgt hhweight asecwt
    earnwt
    pweight pwgt pwgtp pwt wgtp hwt hwgt fweight fwt fnlwgt finalwt finalwgt finalweight wtfinl
    wtsupp svywt svywgt svyweight sampwt sampleweight popwt personwt perweight indwt
    """
)
#: Those that may also be what a body weighs.
BODY = word_set("weight weights wgt wgts wght wt wts")
SAMPLES = word_set(
    """
    sample sampling survey svy person pers ind population pop household hh hhld final post
    stratification expansion calibrated
    """
)
#: Words beside `weight` that tell of bodies and goods.
THINGS = word_set("body kg lb lbs pound pounds birth gram grams cargo net gross load height")
#: No body weighs less or more.
LIGHTEST, HEAVIEST = 20, 1000
IDENTIFIER_SHARE = 0.9
YEARS = word_set("year years yr jahr annee ano anno rok år")
#: Rows from which on whole numbers in a row are taken for numbers of the rows.
MIN_NUMBERED_ROWS = 30
#: Share of a column's texts that must look like names, and be known as such.
LOOK_SHARE, FIRST_NAME_SHARE = 0.8, 0.15
LOOK = r"[^\W\d_a-z][\w'’.-]*(?:, ?| +)(?:[^\W\d_][\w'’.-]*[ .]*){1,3}(?:[#(]?\d+\)?)?"
#: Under a role's header, texts such as `P017` or `Worker 17` are numbers of people, if many differ.
NUMBERED_LOOK, MIN_NUMBERED = r"[^\W\d_]+[ _#.-]*\d+", 20
#: Parts of names, which people share, and people who are not those of the row.
SHARED = word_set(
    """
    first last middle firstname lastname surname forename vorname nachname familienname prenom
    apellido cognome imie nazwisko manager mgr managername supervisor boss superior lead leader
    reportsto vorgesetzter chef responsable jefe head agent recruiter author contact address
    phone telephone mobile
    """
)


def is_of_the_row(fact: Facts) -> bool:
    """Whether a column that tells who somebody is tells whose the row is, and no part of a name."""
    found = headers.words(fact.header)
    return not SHARED & {*found, "".join(found)}


def numbers_each_person(fact: Facts) -> bool:
    """Whether a column numbers people, each of whom stands in one row."""
    number = "".join(headers.words(fact.header))
    is_of_people = number in PERSON_IDENTIFIERS - RECORD_IDENTIFIERS
    return is_of_people and fact.unique_share == 1 and fact.missing_share == 0


def is_personal(fact: Facts) -> bool:
    """Whether a column tells who somebody is, by its header or as names of people do."""
    found = headers.words(fact.header)
    names = NAMES & set(found)
    named = found in (["name"], ["names"]) or (bool(names) and bool(PERSONS & set(found)))
    joined = "".join(found)
    return named or bool(PERSONAL & {*found, joined}) or _holds_names(fact, found)


def _holds_names(fact: Facts, found: list[str]) -> bool:
    texts = fact.counts.index
    if fact.is_numeric or not len(texts):
        return False
    is_role = bool(ROLES & {*found, "".join(found)})
    numbered = is_role and len(texts) >= MIN_NUMBERED
    if numbered and texts.str.fullmatch(NUMBERED_LOOK).mean() >= LOOK_SHARE:
        return True
    if texts.str.fullmatch(LOOK).mean() < LOOK_SHARE:
        return False
    if is_role:
        return True
    known = [bool(FIRST_NAMES & set(headers.words(text))) for text in texts[:1000]]
    return float(np.mean(known)) >= FIRST_NAME_SHARE


def is_identifier(fact: Facts) -> bool:
    """Whether a column numbers people or rows; one number may stand in several rows."""
    found = headers.words(fact.header)
    joined = "".join(found)
    pairs = map("".join, itertools.pairwise(found))
    long = {form for form in (*found, *pairs) if len(form) > SHORT}
    if found == ["id"] or {joined, *long} & PERSON_IDENTIFIERS:
        return True
    if found[-1:] == ["id"] and PERSONS & set(found):
        return True
    numbered = bool(IDENTIFIERS & set(found)) or joined in ROWS
    return numbered and fact.unique_share > IDENTIFIER_SHARE and not _has_fractions(fact)


def names_employers(fact: Facts) -> bool:
    """Whether a column of texts says whom people work for, of whom others can come."""
    found = [word for word in headers.words(fact.header) if word not in NAMES]
    is_called = len(found) == 1 and bool(EMPLOYERS & set(found))
    several = len(fact.counts) >= MIN_EMPLOYERS and int(fact.counts.max()) > 1
    return is_called and several and not fact.is_numeric


def is_weight(fact: Facts) -> bool:
    """Whether a column of numbers says how many people a row stands for."""
    found = headers.words(fact.header)
    said = headers.words(fact.described.label)
    joined = "".join(found)
    if not fact.is_numeric:
        return False
    if {*found, *said} & SAMPLES and {*found, *said} & WEIGHTS:
        return True
    is_body = joined in BODY and not (fact.sizes.min() < LIGHTEST or fact.sizes.max() > HEAVIEST)
    return joined in WEIGHTS and not is_body


def may_be_weight(fact: Facts) -> bool:
    """Whether a column of numbers is called as weights are, and tells nothing else of itself."""
    found = headers.words(fact.header)
    named = bool(WEIGHTS & {*found, "".join(found)}) and not THINGS & set(found)
    return named and fact.is_numeric and len(fact.sizes) > 0 and float(fact.sizes.min()) > 0


def _has_fractions(fact: Facts) -> bool:
    return fact.is_numeric and bool((fact.sizes != np.floor(fact.sizes)).any())


def numbers_the_rows(fact: Facts) -> bool:
    """Whether whole numbers stand one after another, one a row."""
    if not fact.is_numeric or _has_fractions(fact) or YEARS & set(headers.words(fact.header)):
        return False
    consecutive = np.ptp(fact.numbers) == len(fact.numbers) - 1
    return fact.rows >= MIN_NUMBERED_ROWS and fact.unique_share == 1 and bool(consecutive)
