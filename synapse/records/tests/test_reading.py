"""Files as other systems and spreadsheets write them."""

from datetime import date, time

import pytest

from synapse.common import csv_reading as reading
from synapse.common.csv_reading import BadFile
from synapse.records import values
from synapse.records.columns import guess_columns, missing_columns
from synapse.records.values import BadValue

TEXT = "First name;Last name;Born\r\nZoë;Müller;1991-05-02\r\n"
TODAY = date(2026, 3, 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_is_read_in_every_usual_encoding(encoding):
    table = reading.read_table(reading.decode(TEXT.encode(encoding)))

    assert table.headings == ["First name", "Last name", "Born"]
    assert table.rows == [(2, ["Zoë", "Müller", "1991-05-02"])]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found_and_excels_habits_undone(separator):
    lines = [["First, name", "Phone", "Code", ""], ['"Ann"', '="0123"', "'+49 1", " "], ["", "", "", ""]]
    quoted = [[f'"{cell}"' if "," in cell else cell for cell in line] for line in lines]
    text = "\r\n".join(separator.join(line) for line in quoted)

    for whole in (text, f"sep={separator}\r\n{text}"):
        table = reading.read_table(whole)
        assert table.headings == ["First, name", "Phone", "Code", "Column 4"]
        assert [cells for _, cells in table.rows] == [["Ann", "0123", "+49 1", ""]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"  \n", "is empty"),
        (b"PK\x03\x04rest", "spreadsheet file"),
        (b"First name,Last name\n", "no rows"),
        (b"a\n" + b"b\n" * (reading.MOST_ROWS + 1), "more than 10,000 rows"),
        (b"x" * (reading.MOST_BYTES + 1), "larger than 10 MB"),
        (b"a,b\nc," + b"d" * (reading.LONGEST_CELL + 1), "Row 2 has a cell"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_do(data, words):
    with pytest.raises(BadFile, match=words):
        reading.read_table(reading.decode(data))


def test_headings_are_understood_in_several_spellings():
    headings = ["Patient_Surname", "VORNAME", "D.O.B", "E-Mail address", "Cell phone", "Favourite colour"]

    guessed = guess_columns("patients", headings)

    assert guessed == {
        "last_name": "Patient_Surname",
        "first_name": "VORNAME",
        "email": "E-Mail address",
        "phone_primary": "Cell phone",
        "date_of_birth": "D.O.B",
    }
    assert missing_columns("patients", {"first_name": "VORNAME"}) == ["Last name", "Date of birth"]
    assert missing_columns("appointments", {"day": "a", "clock": "b"}) == ["Patient number, or name and date of birth"]


@pytest.mark.parametrize(
    ("text", "day_first", "wanted"),
    [
        ("1991-05-02", None, date(1991, 5, 2)),
        ("1991-05-02 00:00:00", None, date(1991, 5, 2)),
        ("25.12.1980", None, date(1980, 12, 25)),
        ("12/25/1980", None, date(1980, 12, 25)),
        ("03/04/2025", True, date(2025, 4, 3)),
        ("03/04/2025", False, date(2025, 3, 4)),
        ("25/12/80", False, date(1980, 12, 25)),
        ("5/5/1990", None, date(1990, 5, 5)),
        ("2 May 1991", None, date(1991, 5, 2)),
        ("May 2, 1991", None, date(1991, 5, 2)),
    ],
)
def test_dates_are_read_in_several_forms(text, day_first, wanted):
    assert values.read_birth_date(text, day_first=day_first, today=TODAY) == wanted


@pytest.mark.parametrize("text", ["03/04/2025", "31.02.1990", "yesterday", "2027-01-01", "1700-01-01", "45000"])
def test_a_date_that_is_none_or_reads_two_ways_is_refused(text):
    with pytest.raises(BadValue):
        values.read_birth_date(text, day_first=None, today=TODAY)


@pytest.mark.parametrize(
    ("text", "wanted"), [("9:05", time(9, 5)), ("14.30", time(14, 30)), ("2 pm", time(14)), ("12:10 a.m.", time(0, 10))]
)
def test_times_are_read_in_several_forms(text, wanted):
    assert values.read_clock(text) == wanted


@pytest.mark.parametrize("text", ["25:00", "noon", "9:75"])
def test_a_time_that_is_none_is_refused(text):
    with pytest.raises(BadValue):
        values.read_clock(text)


@pytest.mark.parametrize(
    ("text", "is_past", "wanted"),
    [
        ("", True, "completed"),
        ("No-Show", True, "no_show"),
        ("Booked", True, "completed"),
        ("confirmed", False, "scheduled"),
    ],
)
def test_states_are_read_by_their_words(text, is_past, wanted):
    assert values.read_status(text, is_past=is_past) == wanted
