"""The richest pages with hostile words in every text, in a browser whose content policy is switched off: nothing fires."""

import pytest
from django.urls import reverse

from synapse.testing.browser import PHONE
from synapse.tests.test_hostile_words import held  # noqa: F401  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_nothing_fires_and_nothing_breaks_out_of_its_box(browse, held, asha, omar):  # noqa: F811
    ids = held.ids
    patient = [ids["patients"]]
    pages = {
        reverse("dashboard:home"): asha,
        reverse("patients:detail", args=patient): asha,
        reverse("patients:edit", args=patient): asha,
        reverse("patients:consents", args=patient): asha,
        reverse("sessions:transcript", args=[ids["sessions"]]): asha,
        reverse("reports:detail", args=[ids["reports"]]): asha,
        reverse("report_templates:edit", args=[ids["templates"]]): asha,
        reverse("billing:detail", args=[ids["bills"]]): asha,
        reverse("private_notes:detail", args=[ids["notes"]]): asha,
        reverse("dashboard:worklist"): omar,
        reverse("oversight:incident", args=[ids["oversight"]]): omar,
        reverse("accounts:clinic"): omar,
    }
    opened = {user: browse(user, "/", viewport=PHONE, bypass_csp=True) for user in (asha, omar)}
    wrong = []
    for address, user in pages.items():
        page = opened[user]
        answer = page.goto(address)
        page.wait_for_load_state("load")
        fired, sideways = page.evaluate(f"[window.__fired, {SIDEWAYS}]")
        if answer.status != 200 or fired is not None or sideways > 0 or "zz" not in page.content():
            wrong.append(f"{address}: {answer.status}, fired {fired}, {sideways}px sideways")
    assert wrong == [], "\n".join(wrong)
