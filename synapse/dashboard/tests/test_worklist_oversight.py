from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from synapse.dashboard.worklist import oversight
from synapse.dashboard.worklist.core import Reader
from synapse.oversight import associates

TODAY = date(2026, 3, 4)
VALUES = {"name": "Mail Ltd", "service": "email", "sees": "Addresses", "contact": "", "signed_on": date(2025, 1, 1)}


def test_an_agreement_that_ends_is_on_the_worklist_until_it_is_renewed(omar):
    reader = Reader(omar, datetime(2026, 3, 4, 12, tzinfo=UTC), ZoneInfo("UTC"))
    old = associates.save_associate(None, {**VALUES, "ends_on": TODAY + timedelta(days=60)}, by=omar)
    associates.save_associate(None, {**VALUES, "service": "sms", "ends_on": TODAY + timedelta(days=61)}, by=omar)
    assert list(oversight.AGREEMENTS.rows(reader)) == [old]

    associates.save_associate(None, {**VALUES, "ends_on": None}, by=omar)

    assert list(oversight.AGREEMENTS.rows(reader)) == []
