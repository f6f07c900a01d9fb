"""The page *Many people*: a table in, the same table with predictions out; nothing is stored."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

import pandas as pd
import streamlit as st

from limits import limits
from many_people import (
    BATCH_ROWS,
    MAX_ROWS,
    Asked,
    Columns,
    Field,
    ask_all,
    choices_of,
    field_of,
    fields_of,
    headers_of,
    mark_of,
    value_of,
    written_cell,
)
from people_results import People, problem_table, results
from service_client import Scalar, ServedModel, ServiceClient, UnexpectedAnswerError
from spreadsheet import (
    MAX_BYTES,
    WORKBOOKS,
    Cell,
    Sheet,
    SheetError,
    number_text,
    read_number,
    read_sheet,
    write_csv,
    write_workbook,
)
from uploads import admit
from watch import is_announced
from words import amount, plain

FILE, GRID = "Upload a file", "Type or paste"
# Keys of the session: the table of the file that was sent; the table that was edited, and how; and
# the last answers. They outlast the widgets, which lose what they hold when they are not drawn:
# while the service does not answer, or another page is open.
SENT, EDITED, ASKED = "people sent", "people edited", "people asked"
EMPTY_ROWS = 5
#: From here on answers are shown without decimals, as everywhere on the page.
WHOLE = 1_000
MARKS = {"5.5 with a point": ".", "5,5 with a comma": ","}
# Streamlit's own button would write texts that a spreadsheet runs.
OWN_DOWNLOADS = """<style>
[data-testid="stElementToolbar"] button[aria-label^="Download as CSV"] {display: none}
</style>"""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def draw(service: ServiceClient, model: ServedModel) -> None:
    """Draw the page.

    Raises:
        ServiceError: if the service gives no answer; its text is for people.
    """
    admit()
    st.html(OWN_DOWNLOADS)
    st.title("Many people", anchor=False)
    st.markdown(
        f"A table of up to {MAX_ROWS:,} people, one a row. It is kept only while this page is "
        "open, and written nowhere."
    )
    fields = known_fields(service, model)
    show_templates(fields)
    source = st.segmented_control(
        "Your table",
        [FILE, GRID],
        default=FILE,
        required=True,
        key="table",
        persist_state="session",
    )
    people = uploaded(fields) if source == FILE else empty(fields)
    if people is not None:
        show_people(service, model, fields, people)


def known_fields(service: ServiceClient, model: ServedModel) -> list[Field]:
    """The fields that a row may hold."""
    try:
        return fields_of(model, service.json("model")["contract"])
    except (KeyError, TypeError, AttributeError) as error:
        raise UnexpectedAnswerError(
            "The service describes no rows that this page knows. Start page and service from the "
            "same release."
        ) from error


def show_templates(fields: Sequence[Field]) -> None:
    """A table to fill in, as CSV and as a workbook, with one example row."""
    headers = headers_of(fields)
    example: list[Cell] = [
        each.feature.example if each.feature.required else None for each in fields
    ]
    notes: list[list[Cell]] = [["Column", "Allowed", "Must be given", "What it is"]]
    for header, each in zip(headers, fields, strict=True):
        feature = each.feature
        needed = "yes" if feature.required else "no"
        notes.append([header, limits(feature), needed, feature.help])
    with st.container(horizontal=True):
        st.download_button(
            "Excel template",
            lambda: write_workbook(headers, [example], choices_of(fields), notes),
            "people.xlsx",
            XLSX,
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            "CSV template",
            lambda: write_csv(headers, [example]),
            "people.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )


def uploaded(fields: Sequence[Field]) -> People | None:
    """The table in the file that was sent; None while there is none, or none that can be read."""
    file = st.file_uploader(
        "CSV or spreadsheet",
        type=["csv", "tsv", "txt", *(end[1:] for end in WORKBOOKS)],
        max_upload_size=MAX_BYTES // 1_000_000,
        help="CSV with commas, semicolons or tabs; .xlsx, .xls, .xlsb or .ods. The first row names "
        "the columns: by their labels, or by the field names of the service.",
        key="people file",
        on_change=forget,
    )
    if file is None:
        return sent_before()
    try:
        sheet = read_once(file.name, file.file_id, file.getvalue(), fields)
        if len(sheet.names) > 1:
            chosen = st.selectbox("Sheet", sheet.names, sheet.names.index(sheet.name))
            sheet = read_once(file.name, file.file_id, file.getvalue(), fields, chosen)
        people = st.session_state[SENT] = people_of(file.name, sheet, fields)
    except SheetError as error:
        st.error(plain(f"{str(error).rstrip('.')}."), icon=":material/error:")
        return None
    return people


def sent_before() -> People | None:
    """The table of a file that the uploader holds no more, for it was not drawn for a while."""
    people: People | None = st.session_state.get(SENT)
    if people is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(plain(f"The table {people.name} is still here, as you have edited it."))
            st.button("Remove it", on_click=forget)
    return people


def forget() -> None:
    """Forget the file that was sent, and how its table was edited."""
    for key in (SENT, EDITED, "sheet read"):
        st.session_state.pop(key, None)


def begun_with(people: People, key: str) -> People:
    """What the grid starts from: the table as it was edited, if the grid was not drawn since."""
    origin, begun, edited = st.session_state.get(EDITED, (None, people, people))
    if origin != people:
        return people
    found: People = begun if key in st.session_state else edited
    return found if found.rows else people


def read_once(
    name: str, file: str, content: bytes, fields: Sequence[Field], sheet: str | None = None
) -> Sheet:
    """The table in a file, read anew only if it is another one, or to be read otherwise."""
    key = (file, sheet, tuple(fields))
    kept = st.session_state.get("sheet read")
    if kept is None or kept[0] != key:
        found = read_sheet(name, content, lambda text: field_of(text, fields) is not None, sheet)
        kept = st.session_state["sheet read"] = (key, found)
    read: Sheet = kept[1]
    return read


def people_of(name: str, sheet: Sheet, fields: Sequence[Field]) -> People | None:
    """A table that was read, its numbers written plainly; None if it cannot be asked about."""
    if len(sheet.rows) > MAX_ROWS:
        raise SheetError(
            f"{name} has {len(sheet.rows):,} rows; this page takes {MAX_ROWS:,}. Split it, or "
            "score it in one go with kedro run --pipelines batch_scoring"
        )
    columns = Columns.of(sheet.headers, fields)
    if not columns.places:
        raise SheetError(
            f"no column of {name} is known. Its header is: {', '.join(sheet.headers)}. It should "
            f"name: {', '.join(headers_of(fields))}"
        )
    mark = mark_of(sheet.rows, columns, fields, "." if sheet.separator == "," else None)
    if mark is None and has_marks(sheet, columns, fields):
        mark = ask_mark()
    tell_how(name, sheet, columns, mark, absent_cells(sheet, columns, fields))
    places = number_places(columns, fields)
    rows = tuple(
        tuple(text_of(cell, mark, place in places) for place, cell in enumerate(row))
        for row in sheet.rows
    )
    stem, separator = PurePath(name).stem, sheet.separator or ","
    return People(stem, apart(sheet.headers), rows, numbered(rows), mark or ".", separator)


def numbered(rows: Sequence[object]) -> tuple[int, ...]:
    """What rows are known by on the page: 1, 2, 3, ..."""
    return tuple(range(1, len(rows) + 1))


def number_places(columns: Columns, fields: Sequence[Field]) -> frozenset[int]:
    """Places of the columns that hold numbers of the model."""
    return frozenset(
        columns.places[each.feature.name]
        for each in fields
        if each.feature.kind in ("number", "integer") and each.feature.name in columns.places
    )


def has_marks(sheet: Sheet, columns: Columns, fields: Sequence[Field]) -> bool:
    """Whether a text of the table is a number only once the decimal mark is known."""
    places = number_places(columns, fields)
    cells = (row[place] for row in sheet.rows for place in places)
    return any(
        isinstance(cell, str)
        and read_number(cell, None) is None
        and (read_number(cell, ".") is not None or read_number(cell, ",") is not None)
        for cell in cells
    )


def ask_mark() -> str | None:
    """Which decimal mark the numbers have, where the table does not tell."""
    chosen = st.segmented_control(
        "How does this table write five and a half? Its numbers can be read in two ways.",
        list(MARKS),
    )
    return MARKS[chosen] if chosen else None


def absent_cells(sheet: Sheet, columns: Columns, fields: Sequence[Field]) -> list[str]:
    """The cells that mean no value, as the tables of the training write it."""
    known = [each for each in fields if each.feature.name in columns.places]
    places = {columns.places[each.feature.name]: each for each in known}
    return [
        written_cell(row[place])
        for row in sheet.rows
        for place, each in places.items()
        if row[place] is not None and each.lacks(row[place])
    ]


def tell_how(
    name: str, sheet: Sheet, columns: Columns, mark: str | None, absent: Sequence[str]
) -> None:
    """Say how the file was read, and what of it is not used."""
    told = [*sheet.told, *(("decimal comma",) if mark == "," else ())]
    how = f" ({', '.join(told)})" if told else ""
    words = [f"Read {len(sheet.rows):,} row{'s' * (len(sheet.rows) != 1)} of {name}{how}."]
    if sheet.empty:
        words.append(f"{sheet.empty:,} empty row{'s' * (sheet.empty != 1)} passed over.")
    if absent:
        listed = ", ".join(sorted(set(absent)))
        cells = f"{len(absent):,} cell{'s' * (len(absent) != 1)}"
        words.append(f"{cells} taken as empty, as in the training table: {listed}.")
    if columns.unused:
        words.append(f"Kept, but not used: {', '.join(columns.unused)}.")
    if columns.twice:
        words.append(
            f"Kept, but not used, for an earlier column holds the same: {', '.join(columns.twice)}."
        )
    st.caption(plain(" ".join(words)))


def text_of(cell: Cell, mark: str | None, is_number: bool) -> str:
    """A cell as the table shows it; a number of the model has a decimal point."""
    if isinstance(cell, str):
        number = read_number(cell, mark) if is_number else None
        return cell if number is None else number_text(number)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return number_text(cell)


def apart(headers: Sequence[str]) -> tuple[str, ...]:
    """Headers, each once; those without a text by their place."""
    found: dict[str, int] = {}
    for place, header in enumerate(headers, 1):
        text = header or f"column {place}"
        while text in found:
            text = f"{text} (column {place})"
        found[text] = place
    return tuple(found)


def empty(fields: Sequence[Field]) -> People:
    """A table to type or paste into."""
    headers = tuple(headers_of(fields))
    rows = (("",) * len(headers),) * EMPTY_ROWS
    return People("people", headers, rows, numbered(rows))


def show_people(
    service: ServiceClient, model: ServedModel, fields: Sequence[Field], people: People
) -> None:
    """Let the table be edited, and show what the service says of its rows."""
    columns = Columns.of(people.headers, fields)
    if missing := [each.label for each in columns.missing if each.required]:
        st.error(
            plain(f"The table has no column for {', '.join(missing)}. Add it, and send it again.")
        )
        return
    people = edited(people, fields)
    rows = requests(people.rows, columns, fields)
    if not rows:
        st.info("Type or paste one person a row. The answers appear below.")
        return
    asked = ask_once(service, model, rows)
    others = [
        each
        for each in asked.predictions.values()
        if (each.model_name, each.model_version) != (model.name, model.version)
    ]
    if others:
        st.session_state.pop(ASKED, None)  # to be asked anew, for this is no answer to keep
        is_announced(others[0], model)
        return
    show_outcome(model, people, columns, asked)


def edited(people: People, fields: Sequence[Field]) -> People:
    """The table as the visitor has it now, without rows that hold nothing."""
    st.caption("Every cell can be edited; rows can be added at the end, and pasted.")
    key = f"people {hash(people)}"
    begun = begun_with(people, key)
    frame = st.data_editor(
        pd.DataFrame(
            list(begun.rows),
            columns=list(people.headers),
            index=pd.RangeIndex(1, len(begun.rows) + 1, name="Row"),
            dtype="str",
        ),
        num_rows="dynamic",
        hide_index=False,
        placeholder="",
        key=key,
        column_config={
            header: st.column_config.TextColumn(help=limits(found.feature))
            for header in people.headers
            if (found := field_of(header, fields)) is not None
        },
        alt="The people to be asked about",
    )
    held = [
        (number, row)
        for number, *row in frame.fillna("").astype(str).itertuples(name=None)
        if any(cell.strip() for cell in row)
    ]
    rows = tuple(tuple(row) for _, row in held)
    latest = replace(people, rows=rows, numbers=tuple(number for number, _ in held))
    st.session_state[EDITED] = (people, begun, latest)
    return latest


def requests(
    rows: Sequence[tuple[str, ...]], columns: Columns, fields: Sequence[Field]
) -> list[dict[str, Scalar]]:
    """What is asked for each row, by field name."""
    known = [each for each in fields if each.feature.name in columns.places]
    mark = mark_of(rows, columns, fields, ".")
    return [
        {
            each.feature.name: value
            for each in known
            if (value := value_of(row[columns.places[each.feature.name]], each, mark)) is not None
        }
        for row in rows
    ]


def ask_once(
    service: ServiceClient, model: ServedModel, rows: Sequence[Mapping[str, Scalar]]
) -> Asked:
    """What the service says of the rows; it is asked only once about the same ones."""
    key = (model.name, model.version, model.bundle, json.dumps(rows))
    kept = st.session_state.get(ASKED)
    if kept is None or kept[0] != key:
        bar = st.progress(0.0, "Asking") if len(rows) > BATCH_ROWS else None

        def tell(done: int) -> None:
            if bar is not None:
                bar.progress(done / len(rows), f"{done:,} of {len(rows):,} people")

        found = ask_all(service, rows, model.target.name, tell)
        if bar is not None:
            bar.empty()
        kept = st.session_state[ASKED] = (key, found)
    asked: Asked = kept[1]
    return asked


def show_outcome(
    model: ServedModel,
    people: People,
    columns: Columns,
    asked: Asked,
) -> None:
    """How many were predicted, what is wrong with the others, and all of it to take away."""
    total, answered = len(people.rows), len(asked.predictions)
    st.header(f"{answered:,} of {total:,} people predicted", anchor=False)
    if asked.problems:
        st.html(problem_table(people, columns, asked.problems))
    theirs, ours, table = results(model, people, asked)
    if answered:
        values = sorted(each.value for each in asked.predictions.values())
        middle = values[len(values) // 2]
        st.markdown(
            plain(
                f"{model.target.label}, {model.target.unit}: from {amount(values[0])} to "
                f"{amount(values[-1])}, half of them up to {amount(middle)}. Predicted by version "
                f"{model.version}."
            )
        )
        show_results(people, theirs, ours, table)
    show_downloads(people, [*theirs, *ours], table)


def show_results(
    people: People, theirs: Sequence[str], ours: Sequence[str], table: Sequence[Sequence[Cell]]
) -> None:
    """The table with its answers first; what no row has is left out."""
    texts = len(theirs)  # shown as they were typed, be they numbers or not
    shown = [[*map(written_cell, row[:texts]), *row[texts:]] for row in table]
    frame = pd.DataFrame(shown, columns=[*theirs, *ours])
    frame.insert(0, "Row", people.numbers)
    order = ["Row", *ours[:-1], *theirs]
    answers = frame[ours[:3]].apply(pd.to_numeric)
    digits = 2 if answers.abs().max(axis=None) < WHOLE else 0
    frame[ours[:3]] = answers.round(digits)  # the grid cuts off what it has no room for
    amounts = st.column_config.NumberColumn(format="localized", step=10**-digits)
    st.dataframe(
        frame,
        hide_index=True,
        column_order=[name for name in order if frame[name].notna().any()],
        column_config=dict.fromkeys(ours[:3], amounts),
        placeholder="",
        alt="The people with their predictions",
    )


def show_downloads(people: People, headers: Sequence[str], table: Sequence[Sequence[Cell]]) -> None:
    """The whole table to take away."""
    with st.container(horizontal=True):
        st.download_button(
            "Download as Excel",
            lambda: write_workbook(headers, table),
            f"{people.name}_predicted.xlsx",
            XLSX,
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            "Download as CSV",
            lambda: write_csv(headers, table, people.separator, people.mark),
            f"{people.name}_predicted.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
