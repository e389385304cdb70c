"""Reception takes a file in: a duplicate, a row with a problem, and the file of what did not come in."""

from datetime import date
from pathlib import Path

import pytest

from patients.models import Patient
from patients.tests.factories import make_patient
from synapse.common import jobs
from synapse.common.models import Job
from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FILE = """Vorname;Nachname;Geburtsdatum;Handy
Zoë;Müller;03/04/1990;098200 41733
Old;Friend;01/01/1980;
Noah;Sen;31/31/1990;12
"""


def test_reception_imports_a_file(browse, asha, rita, tmp_path):
    make_patient(asha, first_name="Old", last_name="Friend", date_of_birth=date(1980, 1, 1))
    file = tmp_path / "patients.csv"
    file.write_bytes(FILE.encode("cp1252"))

    page = browse(rita, "/")
    page.get_by_role("navigation").get_by_role("link", name="Import").first.click()
    assert_page_is_clean(page)
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_label("Doctor of rows").select_option(label=asha.display_name)
    page.get_by_role("button", name="Look at the file").click()
    page.get_by_text("Say whether the day or the month comes first").wait_for()
    page.get_by_label("3 April: the day comes first").check()
    page.get_by_role("button", name="Look again").click()
    page.get_by_role("button", name="Take in 1 new row").wait_for()
    assert_page_is_clean(page)

    phone = browse(rita, page.url, viewport=PHONE, dark=True)
    assert_page_is_clean(phone)

    page.get_by_role("button", name="Take in 1 new row").click()
    page.get_by_text("The rows are being taken in").or_(page.get_by_text("The file is taken in")).first.wait_for()
    for job in Job.objects.filter(state=Job.State.QUEUED):
        jobs.run_job(str(job.pk))
    page.get_by_text("1 of 3 rows came in").wait_for()
    assert_page_is_clean(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Rows not taken in").click()
    text = Path(download.value.path()).read_text("utf-8-sig")
    assert text.startswith("Vorname,Nachname,Geburtsdatum,Handy,Problem")
    assert "There is no such day" in text
    assert Patient.objects.order_by("created_at").last().full_name == "Zoë Müller"
