"""Code tables from files: every layout and encoding, bad rows named, twice the same, no code ever lost."""

import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from billing.codes import lookup as code_tables
from billing.models import Code, CodeImport
from billing.services import codes
from billing.services.codes import parse
from billing.tests.factories import make_bill
from synapse.audit.models import AuditEvent
from synapse.common.csv_reading import BadFile
from synapse.common.errors import Conflict, NotAllowed
from synapse.common.models import Job

ORDER = (
    "00001 A00     0 Cholera like heading                                         A heading of the list\n"
    "00002 F321    1 Short words                                                  Long words of a mood disorder\n"
    "00003 Z9989   1 Only short words here\n"
)
PLAIN_CODES = "F321    Mood words, of a list\nT1491XA Attempt words\n"


def take(system, text, by=None):
    return codes.import_codes(system, parse(system, text).rows, by=by, at=timezone.now())


def row(system, code):
    return Code.objects.get(system=system, code=code)


def test_a_csv_with_every_column(db):
    text = (
        "Code;Words;Minimum minutes;Maximum minutes;Retired;Replaced by\n"
        "90834;Our therapy;38;52;no;\n"
        "99999;Old thing;;;2020;90834\n"
        "OWNCODE;A letter;;;;\n"
    )

    done = take("cpt", text)

    assert (done.new, done.changed, done.same) == (2, 1, 0)
    assert row("cpt", "90834").words == "Our therapy"
    assert code_tables.why_retired(row("cpt", "99999")) == "99999 was retired in 2020. Use 90834."
    assert code_tables.check_code("cpt", "owncode") == "OWNCODE"
    assert [found.code for found in code_tables.search("cpt", "our thera")] == ["90834"]


def test_the_same_file_twice_changes_nothing(db):
    first = take("icd10", "code,words\nF32.1,Ours\nQ99.9,New\n")
    stamp = row("icd10", "F32.1").updated_at
    events = AuditEvent.objects.count()

    second = take("icd10", "code,words\nF32.1,Ours\nQ99.9,New\n")

    assert (first.new, first.changed, first.same) == (1, 1, 0)
    assert (second.new, second.changed, second.same) == (0, 0, 2)
    assert row("icd10", "F32.1").updated_at == stamp
    assert AuditEvent.objects.count() == events


def test_words_are_replaced_and_what_the_file_has_no_column_for_stays(db):
    take("cpt", "code,words\n90834,Therapy of ours\n99201,Still old\n")

    therapy, old = row("cpt", "90834"), row("cpt", "99201")
    assert (therapy.minimum_minutes, therapy.maximum_minutes, therapy.is_imported) == (38, 52, True)
    assert (old.is_retired, old.retired_in, old.replaced_by) == (True, 2021, "99202")
    assert therapy.rank == Code.Rank.SHIPPED


def test_an_import_deletes_no_code(db):
    before = set(Code.objects.values_list("system", "code"))

    take("icd10", "code,words\nQ99.9,Only this\n")

    assert set(Code.objects.values_list("system", "code")) == before | {("icd10", "Q99.9")}


def test_the_order_file_of_cms_is_read_without_its_headings(db):
    found = parse("icd10", ORDER)

    assert [(one.code, one.words) for one in found.rows] == [
        ("F32.1", "Long words of a mood disorder"),
        ("Z99.89", "Only short words here"),
    ]
    assert (found.headings, found.problems) == (1, [])


def test_the_codes_file_of_cms_is_read(db):
    found = parse("icd10", PLAIN_CODES.replace("\n", "\r\n") + "\r\nnonsense\r\n")

    assert [(one.code, one.words) for one in found.rows] == [
        ("F32.1", "Mood words, of a list"),
        ("T14.91XA", "Attempt words"),
    ]
    assert found.problems == [(4, "nonsense", "This line has another form than the others.")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_every_usual_encoding_is_read(db, encoding):
    text = codes.read_text("code,words\nF32.1,Mäßige Störung – “neu”\n".encode(encoding))

    assert parse("icd10", text).rows[0].words == "Mäßige Störung – “neu”"


def test_bad_rows_are_named_and_the_good_ones_taken(db):
    text = (
        "code,words,minimum_minutes,maximum_minutes,retired\n"
        "90834,Good,,,\n"
        "9083,Too short,,,\n"
        "90837,,,,\n"
        "90834,Again,,,\n"
        "90832,Bad minutes,ten,,\n"
        "90833,Turned,30,10,\n"
        "90836,When,,,maybe\n"
    )

    found = parse("cpt", text)

    assert [one.code for one in found.rows] == ["90834"]
    assert found.problems == [
        (3, "9083", "Enter a CPT or HCPCS code, like 90834 or H0031."),
        (4, "90837", "There are no words for this code."),
        (5, "90834", "This code stands in the file already."),
        (6, "90832", "“ten” are no minutes."),
        (7, "90833", "The longest time is shorter than the shortest."),
        (8, "90836", "“retired” is yes, no or a year."),
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "This file is empty"),
        (b"PK\x03\x04rest", "Save it as CSV"),
        (b"number,text\n1,2\n", "no column “code”"),
        (b"code\n90834\n", "no column “words”"),
        (b"code,words\n", "no rows under the headings"),
    ],
)
def test_a_file_that_is_none_says_what_to_do(db, data, words):
    with pytest.raises(BadFile, match=words):
        parse("cpt", codes.read_text(data))


def test_long_words_are_cut(db):
    take("icd10", f"code,words\nQ99.9,{'long ' * 60}\n")

    assert len(row("icd10", "Q99.9").words) <= 200
    assert row("icd10", "Q99.9").words.endswith("…")


def test_a_code_a_bill_uses_keeps_its_place_when_it_is_retired(asha, omar):
    bill = make_bill(asha, total="1000")

    take("cpt", "code,words,retired\n90834,Gone,2027\n", by=omar)

    bill.refresh_from_db()
    assert bill.procedure_codes == ["90834"]
    assert bill.total_amount == Decimal(1000)
    with pytest.raises(code_tables.BadCode, match="90834 was retired in 2027"):
        code_tables.check_code("cpt", "90834")
    take("cpt", "code,words,retired\n90834,Back,no\n", by=omar)
    assert code_tables.check_code("cpt", "90834") == "90834"


def test_ten_thousand_rows_go_in_by_batches_and_are_found(db, django_assert_max_num_queries):
    lines = [f"Q{number // 1000:02}.{number % 1000:03},word{number} of a list" for number in range(10_000)]

    with django_assert_max_num_queries(200):
        done = take("icd10", "\n".join(["code,words", *lines]))

    assert done.new == 10_000
    assert [found.code for found in code_tables.search("icd10", "word9999")] == ["Q09.999"]


@pytest.mark.parametrize("person", ["asha", "rita"])
def test_only_the_administrator_imports(request, person):
    user = request.getfixturevalue(person)

    with pytest.raises(NotAllowed):
        take("icd10", "code,words\nQ99.9,x\n", by=user)
    with pytest.raises(NotAllowed):
        codes.stage("icd10", b"code,words\nQ99.9,x\n", by=user, at=timezone.now())


def test_the_command_looks_and_takes_in(db, tmp_path):
    file = tmp_path / "list.txt"
    file.write_text(ORDER)
    out, err = io.StringIO(), io.StringIO()

    call_command("import_codes", file, system="icd10", dry_run=True, stdout=out, stderr=err)
    assert out.getvalue() == ("Would add 1, change 1, leave 0 as they are; 0 rows with a problem, 1 headings.\n")
    assert not Code.objects.filter(code="Z99.89").exists()
    call_command("import_codes", file, system="icd10", stdout=out, stderr=err)

    assert row("icd10", "Z99.89").words == "Only short words here"
    assert AuditEvent.objects.get(target_type="billing.Code").actor_label == "system"


def test_the_command_says_what_is_wrong(db, tmp_path):
    file = tmp_path / "list.csv"
    file.write_text("nothing\n")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_codes", tmp_path / "none.csv", system="icd10")
    with pytest.raises(CommandError, match="no rows"):
        call_command("import_codes", file, system="icd10")


def upload(client, content, system="icd10", name="codes.csv"):
    file = io.BytesIO(content)
    file.name = name
    return client.post(reverse("billing:codes"), {"system": system, "file": file})


def test_an_uploaded_file_is_looked_at_and_then_taken_in(signed_in, omar, django_capture_on_commit_callbacks):
    client = signed_in(omar)

    staged = upload(client, "code,words\nF32.1,Störung\nQ99.9,New\nbad,row\n".encode("cp1252"))
    page = client.get(staged["Location"])
    text = page.content.decode()

    assert staged.status_code == 302
    assert "Störung" in text
    assert "Enter an ICD-10 code, like F32.1." in text
    assert not Code.objects.filter(code="Q99.9").exists()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(staged["Location"])
    done = client.get(staged["Location"])
    assert "1 new, 1 with new words, 1 row left out" in done.content.decode()
    assert row("icd10", "Q99.9").words == "New"
    one = CodeImport.objects.get()
    assert (one.content, one.row_count, one.error_count) == ("", 2, 1)
    assert client.post(staged["Location"]).status_code == 409


def test_a_file_that_cannot_be_read_is_refused_at_its_field(signed_in, omar):
    answer = upload(signed_in(omar), b"PK\x03\x04")

    assert answer.status_code == 422
    assert "Save it as CSV" in answer.content.decode()


def test_only_one_file_of_a_person_waits(signed_in, omar):
    client = signed_in(omar)

    upload(client, b"code,words\nQ99.9,New\n")
    upload(client, b"code,words\nQ99.8,New\n")

    assert CodeImport.objects.count() == 1


@pytest.mark.parametrize("person", ["asha", "rita"])
def test_the_pages_are_the_administrators(request, signed_in, omar, person):
    staged = codes.stage("icd10", b"code,words\nQ99.9,x\n", by=omar, at=timezone.now())
    client = signed_in(request.getfixturevalue(person))

    for address in (reverse("billing:codes"), reverse("billing:code_import", args=[staged.pk])):
        assert client.get(address).status_code == 403
        assert client.post(address).status_code == 403


def test_a_file_is_started_once_and_not_given_up_then(omar):
    at = timezone.now()
    staged = codes.stage("icd10", b"code,words\nQ99.9,x\n", by=omar, at=at)
    codes.start(staged, by=omar, at=at)

    with pytest.raises(Conflict):
        codes.start(staged, by=omar, at=at)
    with pytest.raises(Conflict):
        codes.discard(staged, by=omar)
    assert Job.objects.filter(object_id=staged.pk).count() == 1


def test_a_task_that_runs_twice_takes_in_once(omar):
    at = timezone.now()
    staged = codes.stage("icd10", b"code,words\nQ99.9,x\n", by=omar, at=at)

    codes.apply(staged.pk, at=at)
    codes.apply(staged.pk, at=at + timedelta(minutes=1))

    staged.refresh_from_db()
    assert (staged.applied_at, staged.new_count, staged.content) == (at, 1, "")


def test_the_page_says_what_becomes_of_a_started_file(signed_in, omar):
    staged = codes.stage("icd10", b"code,words\nQ99.9,x\n", by=omar, at=timezone.now())
    codes.start(staged, by=omar, at=timezone.now())
    client = signed_in(omar)
    address = reverse("billing:code_import", args=[staged.pk])

    assert "being taken in" in client.get(address, headers={"HX-Request": "true"}).content.decode()
    Job.objects.filter(object_id=staged.pk).update(state=Job.State.DEAD)
    assert "stopped" in client.get(address).content.decode()


def test_a_file_is_given_up(signed_in, omar):
    staged = codes.stage("icd10", b"code,words\nQ99.9,x\n", by=omar, at=timezone.now())

    signed_in(omar).post(reverse("billing:discard_codes", args=[staged.pk]))

    assert not CodeImport.objects.exists()
    assert not Code.objects.filter(code="Q99.9").exists()
