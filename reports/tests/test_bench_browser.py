"""The pages of the bench in a browser: silent console, nothing sideways, no barrier, on every screen."""

import pytest
from django.utils import timezone

from reports.services import benching
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_bench_and_a_session_of_it_read_well_everywhere(browse, asha, now):
    engine = benching.named_generator("embedded")
    scores = list(benching.bench_engine(engine, at=now))
    benching.store_bench(scores, engine, started_at=now, at=timezone.now())

    for viewport, dark in ((DESKTOP, False), (PHONE, True)):
        page = browse(asha, "/reports/bench/", viewport=viewport, dark=dark)
        page.wait_for_load_state("networkidle")
        assert_page_is_clean(page)

        page.get_by_role("link", name="The brother's wish to die").click()
        page.wait_for_url("**/quoted_brother/")
        assert page.get_by_text("My brother called me on Tuesday night.").first.is_visible()
        assert_page_is_clean(page)
