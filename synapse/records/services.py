"""Take a file of patients or visits in: stage it, look at every row, run it in the worker, hand the rest back."""

import csv
import io
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from patients import services as patients
from patients.permissions import check_is_doctor
from scheduling.services import history
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common import csv_reading, jobs
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.common.models import Job
from synapse.common.transitions import advance
from synapse.records import rows
from synapse.records.columns import COLUMNS, guess_columns, missing_columns
from synapse.records.models import DataImport
from synapse.web.csv import harmless

Status = DataImport.Status
Kind = DataImport.Kind

RUN = "synapse.records.tasks.run_import"
SKIP, TAKE = "skip", "take"
DONE, SKIPPED, WAITING = "done", "skipped", "waiting"
BATCH = 20  # rows in one transaction: every other writer waits for it
SECONDS_OF_A_RUN = 75  # the queue ends a job at 120 s; what is left goes on in another one
KEEP_ERRORS = timedelta(days=30)
FORGOTTEN_DAYS = 7
LEFT_LYING = (Status.PREVIEWED, Status.FAILED)


def check_can_import(user: User) -> None:
    """Raise NotAllowed unless this person takes files in, for every doctor."""
    if not user.may(Permission.IMPORT_RECORDS):
        raise NotAllowed("Only the front desk and administrators import files.")


def stage_import(kind: str, data: bytes, *, doctor: User | None, by: User, at: datetime) -> DataImport:
    """Keep a file, guess its columns and look at every row. Raises NotAllowed and BadFile."""
    check_can_import(by)
    if doctor is not None:
        check_is_doctor(doctor)
    text = csv_reading.decode(data)
    table = csv_reading.read_table(text)
    staged = DataImport(kind=kind, content=text, doctor=doctor, imported_by=by, row_count=len(table.rows))
    staged.columns = {"fields": guess_columns(kind, table.headings), "day_first": None}
    cells = rows.Reader(staged, by=by, at=at).dates()
    staged.columns["day_first"] = rows.guess_day_first(cells)[0]
    _look(staged, by=by, at=at)
    with unit_of_work():
        staged.save(force_insert=True)
        _record(staged, "stage", by=by, action=Action.CREATE)
    return staged


def choose_columns(
    data_import: DataImport,
    fields: Mapping[str, str],
    *,
    day_first: bool | None,
    doctor: User | None,
    by: User,
    at: datetime,
) -> DataImport:
    """Read the file by other columns, or in another order of day and month, and look again. Raises Conflict."""
    check_can_import(by)
    _check_waits(data_import)
    data_import.columns = {"fields": {name: head for name, head in fields.items() if head}, "day_first": day_first}
    data_import.doctor = doctor
    _look(data_import, by=by, at=at)
    with unit_of_work():
        _check_waits(_locked(data_import.pk))
        data_import.save(update_fields=["columns", "doctor", "rows", "error_count", "updated_at"])
        _record(data_import, "choose_columns", by=by)
    return data_import


def start_import(
    data_import: DataImport, *, duplicates: str, choices: Mapping[int, str], by: User, at: datetime
) -> DataImport:
    """Have the good rows taken in by the worker. Raises Conflict, and DomainError while a needed column is missing.

    `duplicates` is what happens to rows that are likely on file ("skip" or "take"); `choices` says otherwise for rows
    by their number.
    """
    check_can_import(by)
    with unit_of_work():
        data_import = _locked(data_import.pk)
        _check_waits(data_import)
        if missing := missing_columns(data_import.kind, data_import.columns["fields"]):
            raise DomainError(f"Choose the column for: {', '.join(missing)}.", code="columns_missing")
        for row in data_import.rows:
            if row["outcome"] == rows.NEW:
                row["outcome"] = WAITING
            elif row["outcome"] == rows.DUPLICATE:
                takes = choices.get(row["number"], duplicates) == TAKE
                row["outcome"] = WAITING if takes else SKIPPED
        data_import.save(update_fields=["rows", "updated_at"])
        advance(data_import, Status.RUNNING, at=at)
        _record(data_import, "start", by=by)
        jobs.enqueue(RUN, data_import.pk, by_id=by.pk)
    return data_import


def continue_import(data_import: DataImport, *, by: User, at: datetime) -> DataImport:
    """Go on with an import that stopped; what was taken in is not taken in again. Raises Conflict."""
    check_can_import(by)
    with unit_of_work():
        data_import = _locked(data_import.pk)
        advance(data_import, Status.RUNNING, at=at)
        _record(data_import, "continue", by=by)
        jobs.enqueue(RUN, data_import.pk, by_id=by.pk)
    return data_import


def discard_import(data_import: DataImport, *, by: User, at: datetime) -> DataImport:
    """Give a file up and drop its text. Raises Conflict when it was taken in."""
    check_can_import(by)
    with unit_of_work():
        data_import = _locked(data_import.pk)
        advance(data_import, Status.DISCARDED, at=at, content="", rows=[], finished_at=at)
        _record(data_import, "discard", by=by)
    return data_import


def run_import(import_id: UUID, *, job: Job, clock: Callable[[], datetime]) -> None:
    """Take the waiting rows in, some at a time; each batch is stored together with what became of its rows."""
    began = clock()
    data_import = DataImport.objects.select_related("imported_by", "doctor").get(pk=import_id)
    if data_import.status != Status.RUNNING:
        return
    waiting = [row["number"] for row in data_import.rows if row["outcome"] == WAITING]
    reader = rows.Reader(data_import, by=data_import.imported_by, at=began)
    total, read = len(data_import.rows), {row.number: row for row in reader.read(set(waiting))}
    for start in range(0, len(waiting), BATCH):
        if (clock() - began).total_seconds() > SECONDS_OF_A_RUN:
            with unit_of_work():
                jobs.enqueue(RUN, import_id, by_id=data_import.imported_by_id)
            return
        jobs.set_progress(job, total - len(waiting) + start, total)
        _run_batch(import_id, [read[number] for number in waiting[start : start + BATCH]], at=clock())
    _finish(import_id, at=clock())


def fail_import(object_id: UUID, /, *, code: str, at: datetime) -> None:
    """Note that the worker gave up; what was taken in stays, and somebody may go on."""
    with unit_of_work():
        data_import = _locked(object_id)
        if data_import.status == Status.RUNNING:
            advance(data_import, Status.FAILED, at=at)
            _record(data_import, "fail", by=None)


def drop_forgotten(at: datetime, *, after_days: int = FORGOTTEN_DAYS) -> int:
    """Give up files nobody started or went on with for a week; return how many. The sweep runs it."""
    _forget_rows(at)
    left = DataImport.objects.filter(status__in=LEFT_LYING)
    dropped = 0
    for data_import in left.only("updated_at"):
        if (at - data_import.updated_at).days >= after_days:
            with unit_of_work():
                locked = _locked(data_import.pk)
                if locked.status not in LEFT_LYING:  # somebody went on with it just now
                    continue
                advance(locked, Status.DISCARDED, at=at, content="", rows=_without_cells(locked.rows), finished_at=at)
                _record(locked, "discard", by=None)
            dropped += 1
    return dropped


def _forget_rows(at: datetime) -> None:
    """Drop what the error file of an import is made of, a month after it was over."""
    over = DataImport.objects.filter(status=Status.COMPLETED, finished_at__lt=at - KEEP_ERRORS).exclude(row_count=0)
    for pk in list(over.values_list("pk", flat=True)):
        with unit_of_work():
            data_import = _locked(pk)
            if any("cells" in row for row in data_import.rows):
                data_import.rows = _without_cells(data_import.rows)
                data_import.save(update_fields=["rows", "updated_at"])
                _record(data_import, "forget_rows", by=None)


def _without_cells(stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what became of each row without what stood in it."""
    return [{name: value for name, value in row.items() if name != "cells"} for row in stored]


def error_file(data_import: DataImport) -> str:
    """Return the rows that were not taken in as CSV: the file's own columns and one that says why."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([harmless(cell) for cell in [*data_import.columns.get("headings", []), "Problem"]])
    for row in data_import.rows:
        if row["outcome"] in {rows.ERROR, SKIPPED}:
            why = "; ".join(f"{label}: {problem}" for label, problem in row["problems"].items()) or row["like"]
            writer.writerow([_plain_or_phone(cell) for cell in [*row.get("cells", []), why]])
    return out.getvalue()


def sample_file(kind: str) -> str:
    """Return a file with every column of a kind and one invented row."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([column.label for column in COLUMNS[kind]])
    writer.writerow([column.sample for column in COLUMNS[kind]])
    return out.getvalue()


def _plain_or_phone(cell: str) -> str:
    """Return a cell no spreadsheet takes for a formula; a phone number stays a number."""
    is_phone = cell.startswith("+") and cell[1:].replace(" ", "").isdecimal()
    return cell if is_phone else harmless(cell)


def _look(data_import: DataImport, *, by: User, at: datetime) -> None:
    """Write what would become of each row; a file without a needed column has no rows yet."""
    data_import.rows, data_import.error_count = [], 0
    if missing_columns(data_import.kind, data_import.columns["fields"]):
        return
    reader = rows.Reader(data_import, by=by, at=at)
    data_import.columns["headings"] = reader.table.headings
    cells = dict(reader.table.rows)
    for row in reader.read():
        stored: dict[str, Any] = {
            "number": row.number,
            "outcome": row.outcome,
            "problems": row.problems,
            "like": row.like,
            "target": "",
        }
        if row.outcome != rows.NEW:
            stored["cells"] = cells[row.number]
        data_import.rows.append(stored)
    data_import.error_count = sum(row["outcome"] == rows.ERROR for row in data_import.rows)


def _run_batch(import_id: UUID, batch: list[rows.Row], *, at: datetime) -> None:
    with unit_of_work():
        data_import = _locked(import_id)
        by = data_import.imported_by
        stored = {row["number"]: row for row in data_import.rows}
        cells: dict[int, list[str]] = {}
        for row in batch:
            entry = stored[row.number]
            if entry["outcome"] != WAITING:
                continue
            try:
                with unit_of_work():
                    entry["target"] = str(_take_in(data_import.kind, row, by=by, at=at))
                entry["outcome"] = DONE
                entry.pop("cells", None)
                data_import.imported_count += 1
            except DomainError as refusal:
                cells = cells or dict(csv_reading.read_table(data_import.content).rows)
                entry |= {
                    "outcome": rows.ERROR,
                    "problems": row.problems or {"Row": refusal.message},
                    "cells": cells[row.number],
                }
                data_import.error_count += 1
        data_import.save(update_fields=["rows", "imported_count", "error_count", "updated_at"])


def _take_in(kind: str, row: rows.Row, *, by: User, at: datetime) -> UUID:
    if row.problems:
        # What was right when the file was looked at need not be now: a doctor left, a patient was archived.
        raise DomainError("; ".join(row.problems.values()))
    fields = row.fields
    if kind == Kind.PATIENTS:
        known = {name: value for name, value in fields.items() if name != "doctor"}
        return patients.register_patient(known, doctor=fields["doctor"], by=by, at=at).pk
    return history.take_in_visit(**fields, by=by, at=at).pk


def _finish(import_id: UUID, *, at: datetime) -> None:
    with unit_of_work():
        data_import = _locked(import_id)
        if data_import.status == Status.RUNNING:
            advance(data_import, Status.COMPLETED, at=at, content="", finished_at=at)
            _record(data_import, "complete", by=None)


def _locked(import_id: UUID) -> DataImport:
    rows_ = DataImport.objects.select_for_update(of=("self",)).select_related("imported_by", "doctor")
    return rows_.get(pk=import_id)


def _check_waits(data_import: DataImport) -> None:
    if data_import.status != Status.PREVIEWED:
        raise Conflict("This file was taken in or given up already.", code="not_waiting")


def _record(data_import: DataImport, verb: str, *, by: User | None, action: Action = Action.UPDATE) -> None:
    detail = {"verb": verb, "kind": data_import.kind, "rows": data_import.row_count}
    record(action, by=by, target=data_import, detail=detail)
