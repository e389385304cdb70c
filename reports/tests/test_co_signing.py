"""A supervisor's signature: what she may see, sign or return, and what stays closed to her."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from reports import permissions, services
from reports.models import CoSignature, Report
from reports.printing import exports
from reports.sealing import chain_walk, signing
from reports.sealing.signing import Seal
from reports.tests.factories import first_sentence, make_report, make_written_session, reloaded
from reports.tests.test_chain import by_hand
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, InvalidTransition, NotAllowed
from synapse.common.transitions import advance
from synapse.testing.plugin import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(asha, ben, now):
    """A request to Ben, who has no access to the patient."""
    return services.ask_co_signature(make_report(asha, status="signed"), supervisor=ben, by=asha, at=now)


def co_sign(asked, by, now):
    return services.co_sign(asked, by=by, at=now, password_checked=True)


def page_of(asked):
    return reverse("reports:co_signature", args=[asked.pk])


def test_the_supervisors_signature_stands_in_the_chain_and_leaves_the_report_as_it_is(asha, ben, asked, now):
    before = Report.objects.filter(pk=asked.report_id).values().get()

    co_sign(asked, ben, now)

    signed = CoSignature.objects.get()
    assert (signed.status, signed.decided_at, signed.content_hash) == ("signed", now, asked.report.content_hash)
    assert signing.verify(signed) is Seal.WHOLE
    entry = signing.entry_of(signed)
    assert (entry.kind, entry.number, entry.signed_by) == ("co_signature", 2, ben)
    assert chain_walk.walk_chain(asked.report.session.patient) == chain_walk.Verdict(entries=2, erased=0)
    assert Report.objects.filter(pk=asked.report_id).values().get() == before


def test_only_the_signer_asks_and_only_a_colleague_who_is_a_doctor(asha, ben, rita, omar, now):
    report = make_report(asha, status="signed")

    for supervisor in (asha, rita, omar):
        with pytest.raises(NotAllowed):
            services.ask_co_signature(report, supervisor=supervisor, by=asha, at=now)
    for by in (ben, rita, omar):
        with pytest.raises(NotAllowed):
            services.ask_co_signature(report, supervisor=ben, by=by, at=now)
    with pytest.raises(Conflict):
        services.ask_co_signature(make_report(asha), supervisor=ben, by=asha, at=now)


def test_a_colleague_who_left_is_not_asked(asha, ben, now):
    ben.is_active = False
    ben.save()

    with pytest.raises(NotAllowed):
        services.ask_co_signature(make_report(asha, status="signed"), supervisor=ben, by=asha, at=now)


def test_one_supervisor_is_asked_at_a_time(asha, ben, asked, now):
    with pytest.raises(Conflict, match="already"):
        services.ask_co_signature(asked.report, supervisor=ben, by=asha, at=now)


def test_a_report_is_returned_with_a_comment_amended_and_asked_about_again(asha, ben, asked, now):
    with pytest.raises(services.EmptyComment):
        services.return_for_revision(asked, " ", by=ben, at=now)

    services.return_for_revision(asked, "Name the dose.", by=ben, at=now)

    with pytest.raises(Conflict):
        co_sign(asked, ben, now)
    amended = services.amend_report(asked.report, reason="Dose named.", by=asha, at=now)
    assert signing.entry_of(asked) is None
    assert CoSignature.objects.get(pk=asked.pk).comment == "Name the dose."
    assert amended.version == 2


def test_amending_takes_a_waiting_request_back(asha, ben, asked, now):
    services.amend_report(asked.report, reason="Dose.", by=asha, at=now)

    assert CoSignature.objects.get().status == "withdrawn"
    with pytest.raises(Conflict):
        co_sign(asked, ben, now)


def test_a_request_is_taken_back_by_the_one_who_asked(asha, ben, asked, now):
    with pytest.raises(NotAllowed):
        services.withdraw_request(asked, by=ben, at=now)

    services.withdraw_request(asked, by=asha, at=now)

    with pytest.raises(Conflict):
        co_sign(asked, ben, now)
    assert services.ask_co_signature(asked.report, supervisor=ben, by=asha, at=now).is_pending


def test_nobody_else_decides(asha, asked, now):
    with pytest.raises(NotAllowed):
        co_sign(asked, asha, now)
    with pytest.raises(NotAllowed):
        services.return_for_revision(asked, "No.", by=asha, at=now)
    with pytest.raises(services.PasswordNotChecked):
        services.co_sign(asked, by=asked.supervisor, at=now, password_checked=False)


def test_a_broken_report_is_neither_asked_about_nor_signed(asha, ben, asked, now):
    by_hand(Report, asked.report_id, generated_content="Other.")

    with pytest.raises(permissions.SealBroken):
        co_sign(asked, ben, now)
    services.withdraw_request(asked, by=asha, at=now)
    with pytest.raises(permissions.SealBroken):
        services.ask_co_signature(asked.report, supervisor=ben, by=asha, at=now)


@pytest.mark.parametrize("column", ["status", "supervisor_id", "decided_at", "content_hash", "signature", "comment"])
def test_the_database_refuses_to_change_a_decision(asha, ben, asked, now, column):
    co_sign(asked, ben, now)
    value = {"supervisor_id": asha.pk, "decided_at": now.replace(year=2020), "status": "withdrawn"}.get(column, "x")

    with pytest.raises(DatabaseError, match="decided co-signature"), transaction.atomic():
        CoSignature.objects.filter(pk=asked.pk).update(**{column: value})
    with (
        pytest.raises(DatabaseError, match="decided co-signature"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM reports_cosignature")


def test_a_changed_signature_is_found_by_the_walk(asha, ben, asked, now):
    co_sign(asked, ben, now)
    by_hand(CoSignature, asked.pk, requested_by=ben)

    assert chain_walk.walk_chain(asked.report.session.patient).broken.reason == (
        "the co-signature was changed after it was signed"
    )


def test_every_state_leads_only_where_the_table_says(asked, now):
    for status in CoSignature.Status:
        asked.status = status
        for to in CoSignature.Status:
            if to not in CoSignature.TRANSITIONS[status]:
                with pytest.raises(InvalidTransition):
                    advance(asked, to, at=now)


def test_it_is_printed(asha, ben, asked, now):
    co_sign(asked, ben, now)

    words = exports.render(reloaded(asked.report), file_type="txt", at=now).content.decode()

    assert "Co-signed as supervisor" in words
    assert ben.display_name in words


def test_the_supervisor_sees_this_report_and_nothing_else(asha, ben, asked, signed_in):
    other = make_report(asha, session=make_written_session(asha, patient=asked.report.session.patient), status="signed")
    client = signed_in(ben)

    page = client.get(page_of(asked)).content.decode()

    line = first_sentence(asked.report)
    assert line["text"] in page
    assert line["evidence"][0]["quote"] in page
    closed = [
        reverse("reports:detail", args=[asked.report_id]),
        reverse("reports:detail", args=[other.pk]),
        reverse("patients:detail", args=[other.session.patient_id]),
        reverse("sessions:transcript", args=[asked.report.session_id]),
    ]
    assert [client.get(address).status_code for address in closed] == [404] * 4
    for name in ("amend", "begin_addendum", "take_over"):
        assert client.post(reverse(f"reports:{name}", args=[asked.report_id]), {"reason": "x"}).status_code == 404
    assert client.post(reverse("reports:export", args=[asked.report_id, "pdf"])).status_code == 404


@pytest.mark.parametrize("door", ["co_sign", "return_for_revision"])
def test_a_form_that_does_not_fit_shows_the_report_again_as_a_reading(ben, asked, signed_in, door):
    client, address = signed_in(ben), reverse(f"reports:{door}", args=[asked.pk])
    readings = AuditEvent.objects.filter(action="read", target_id=str(asked.report_id))

    assert client.post(address, {}).status_code == 422
    assert readings.count() == 1
    by_hand(Report, asked.report_id, content_hash="0" * 64)
    assert first_sentence(asked.report)["text"] not in client.post(address, {}).content.decode()


@pytest.mark.parametrize("end", ["withdraw", "return"])
def test_the_report_is_closed_to_her_again(asha, ben, asked, signed_in, now, end):
    if end == "withdraw":
        services.withdraw_request(asked, by=asha, at=now)
    else:
        services.return_for_revision(asked, "No.", by=ben, at=now)

    assert signed_in(ben).get(page_of(asked)).status_code == 404
    assert "Nothing to co-sign" in signed_in(ben).get(reverse("reports:co_signatures")).content.decode()


def test_she_finds_it_in_her_list_and_signs_it(asha, ben, asked, signed_in):
    client = signed_in(ben)
    patient = asked.report.session.patient
    assert patient.full_name in client.get(reverse("reports:co_signatures")).content.decode()
    assert "To co-sign" in client.get(reverse("reports:list")).content.decode()

    wrong = client.post(reverse("reports:co_sign", args=[asked.pk]), {"password": "wrong"})
    right = client.post(reverse("reports:co_sign", args=[asked.pk]), {"password": PASSWORD}, follow=True)

    assert wrong.status_code == 422
    assert right.status_code == 200
    assert "You signed this report" in client.get(page_of(asked)).content.decode()
    assert f"Co-signed by {ben.display_name}" in (
        signed_in(asha).get(reverse("reports:detail", args=[asked.report_id])).content.decode()
    )


def test_the_author_asks_sees_the_comment_and_takes_it_into_the_amendment(asha, ben, signed_in, now):
    report = make_report(asha, status="signed")
    client = signed_in(asha)
    detail = reverse("reports:detail", args=[report.pk])
    client.post(reverse("reports:ask_co_signature", args=[report.pk]), {"supervisor": ben.pk})
    asked = CoSignature.objects.get()
    assert "Take the request back" in client.get(detail).content.decode()

    signed_in(ben).post(reverse("reports:return_for_revision", args=[asked.pk]), {"comment": "Name the dose."})

    assert "Name the dose." in client.get(detail).content.decode()
    amended = services.amend_report(report, reason="Dose named.", by=asha, at=now)
    page = client.get(reverse("reports:detail", args=[amended.pk])).content.decode()
    assert "Name the dose." in page
    assert "Ask a supervisor" not in page


def test_strangers_and_other_roles_find_no_door(asha, ben, rita, omar, asked, signed_in, db):
    from synapse.testing.plugin import make_user

    stranger = make_user("chen", "doctor", "Chen", "Li")
    doors = [(name, asked.pk) for name in ("co_sign", "return_for_revision", "withdraw_co_signature")]
    doors.append(("ask_co_signature", asked.report_id))

    for name, pk in doors:
        address = reverse(f"reports:{name}", args=[pk])
        assert signed_in(stranger).post(address).status_code == 404, name
        assert signed_in(rita).post(address).status_code == 403, name
        assert signed_in(omar).post(address).status_code == 403, name
        assert signed_in(ben).get(address).status_code == 405, name
    assert signed_in(stranger).get(page_of(asked)).status_code == 404
    assert signed_in(asha).get(page_of(asked)).status_code == 404
