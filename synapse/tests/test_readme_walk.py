"""The walk through the API in the README, run as it stands there against the product as `make run` runs it."""

import os
import re
import shutil
import subprocess

import pytest

from sessions_app.tests.live_site import LiveSite
from synapse.testing.plugin import PASSWORD
from synapse.testing.prepared import PROJECT

pytestmark = pytest.mark.timeout(600)

WALK_SECONDS = 280
# What each block of commands prints, in order.
PRINTED = [
    r"",
    r"doctor",
    r"PAT-\d{8}",
    r"live\nlive",
    r"confirmed",
    r"received\ncompleted",
    r"Good morning\.[\s\S]+\bsleep\b[\s\S]+\bnausea\b[\s\S]+",
    r".{5,}",
    r"True\ncompleted\nsigned",
    r"http://localhost:\d+/\S+",
    r"INV-\d{6}-\d{6}\npaid",
    r"scheduled",
    r"token_invalid",
]
FACTS = """
from billing.models import Bill
from patients.models import Consent, Patient
from reports.models import Report, ReportShare
from scheduling.models import Appointment
from sessions_app.models import ConsultationSession
patient = Patient.objects.get()
answer = {
    "name": str(patient.first_name),
    "consents": sorted(Consent.objects.filter(patient=patient).values_list("kind", "status")),
    "visits": list(Appointment.objects.order_by("scheduled_at").values_list("status", flat=True)),
    "sessions": list(ConsultationSession.objects.values_list("status", flat=True)),
    "reports": list(Report.objects.order_by("version").values_list("template__slug", "status")),
    "shares": ReportShare.objects.count(),
    "owed": str(Bill.objects.get().outstanding_amount),
}
"""


@pytest.fixture
def site(tmp_path):
    site = LiveSite(tmp_path / "site", command="up")
    site.run('make_user("doctor", Role.DOCTOR, "Asha", "Rao")')
    site.start()
    yield site
    site.terminate()


def commands():
    section = (PROJECT / "README.md").read_text().split("\n## Using the API\n")[1].split("\n## ")[0]
    return re.findall(r"```bash\n(.*?)```", section, re.DOTALL)


def test_the_walk_in_the_readme_leads_where_it_says(site, tmp_path):
    assert shutil.which("curl"), "install curl: the README's commands are run"
    folder = tmp_path / "walk"
    folder.mkdir()
    (folder / "synapse").symlink_to(PROJECT / "synapse")
    script = "set -eu -o pipefail\n" + "\necho '@@'\n".join(commands())
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "SITE": site.url, "LOGIN": "doctor", "PASSWORD": PASSWORD},
        check=False,
        capture_output=True,
        text=True,
        timeout=WALK_SECONDS,
    )
    printed = [part.strip() for part in done.stdout.split("@@\n")]
    for number, (found, wanted) in enumerate(zip(printed, PRINTED, strict=False)):
        assert re.fullmatch(wanted, found), f"block {number}: {found!r}\n{done.stderr}"
    assert (done.returncode, done.stderr, len(printed)) == (0, "", len(PRINTED))
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF-")
    facts = site.run(FACTS)
    assert facts == {
        "name": "Nila",
        "consents": [["ai_note", "live"], ["recording", "live"]],
        "visits": ["completed", "scheduled"],
        "sessions": ["completed"],
        "reports": [["general", "completed"], ["soap", "signed"]],
        "shares": 1,
        "owed": "0.00",
    }
