import pytest
from django.utils import timezone

from patients.tests.factories import make_patient
from synapse.audit import services
from synapse.audit.models import Action
from synapse.audit.verification import check_chain
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("path", ["/audit/", "/system/"])
def test_the_administrators_pages_are_clean(browse, omar, asha, path, is_dark, viewport):
    patient = make_patient(doctor=asha)
    with services.unit_of_work():
        services.record(Action.UPDATE, by=asha, target=patient, patient_id=patient.pk, detail={"fields": ["phone"]})
    check_chain(timezone.now())

    page = browse(omar, path, viewport=viewport, dark=is_dark)

    assert_page_is_clean(page)
