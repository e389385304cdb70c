"""The patient's summary: plain words, only sourced sentences, a tick that any change takes away."""

import json
from io import BytesIO

import pypdf
import pytest
from django.urls import reverse

from reports import services
from reports.content import all_sentences
from reports.models import PatientSummary, Report
from reports.permissions import SealBroken
from reports.summaries import summary
from reports.summaries.plain_language import in_plain_words
from reports.summaries.reading import count_syllables, read_text
from reports.tests.factories import make_report, make_words, reloaded
from reports.tests.test_chain import by_hand
from sessions_app.tests.factories import make_session
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed


@pytest.mark.parametrize(
    ("report", "patient"),
    [
        ("The patient has insomnia and takes sertraline 100 mg daily.", "You have trouble sleeping and take sertraline 100 mg daily."),
        ("Reports sleep is “a bit better”.", "You mentioned sleep is “a bit better”."),
        ("Denies any chest pain.", "You said you have no chest pain."),
        ("Denies feeling hopeless.", "You said you are not feeling hopeless."),
        ("She wakes at 4 am but no longer gets up.", "You wake at 4 am but no longer get up."),
        ("Contacted her sister for support.", "You contacted your sister for support."),
        ("Patient's mood is low.", "Your mood is low."),
        ("Increase sertraline to 75 mg each morning.", "Increase sertraline to 75 mg each morning."),
        ("Follow-up in 3 weeks.", "Your next visit is in 3 weeks."),
        ("Lorazepam 1 mg BID PRN.", "Lorazepam 1 mg twice a day when needed."),
        ("Referred to CBT", "We are sending you to CBT (therapy that works with thoughts and habits)."),
        ("Nausea in week 1.", "Feeling sick in week 1."),
        ("She said “the patient next to me has insomnia”.", "You said “the patient next to me has insomnia”."),
        ("She lies awake and watches films. She hurries to work.", "You lie awake and watch films. You hurry to work."),
        ("She sometimes naps. She always wakes up.", "You sometimes nap. You always wake up."),
    ],
)  # fmt: skip
def test_a_sentence_is_said_to_the_patient(report, patient):
    assert in_plain_words(report, gender="female").text == patient


@pytest.mark.parametrize(
    "text",
    [
        "Her brother has depression and he takes lithium 300 mg.",
        "She told her to stop.",
        "The doctor told her to rest.",
        "She says his dose is high.",
    ],
)
def test_a_pronoun_that_may_mean_somebody_else_stays_and_is_pointed_out(text):
    plain = in_plain_words(text, gender="female")

    assert plain.is_unclear
    assert any(f" {pronoun} " in f" {plain.text} " for pronoun in ("he", "her", "his"))


@pytest.mark.parametrize(
    "text", ["OD in 2019.", "Seen in the ED.", "Venlafaxine ER 75 mg.", "PT twice a week.", "BP 120/80."]
)
def test_short_forms_with_two_meanings_are_not_guessed(text):
    assert in_plain_words(text, gender="female").text == text


@pytest.mark.parametrize("gender", ["female", "male", "nonbinary", "other", ""])
@pytest.mark.parametrize(
    "text", ["Sertraline 50 mg each morning, not 75 mg.", "PHQ-9 was 12 on 3 March.", "No nausea since week 2."]
)
def test_drugs_doses_numbers_dates_and_negations_stay(text, gender):
    plain = in_plain_words(text, gender=gender).text

    for word in ("Sertraline", "50", "75", "mg", "not", "PHQ-9", "12", "3 March", "No", "2"):
        assert (word in text) <= (word in plain), word


def test_without_a_known_gender_pronouns_stay():
    plain = in_plain_words("He takes his pills.", gender="")

    assert plain.text == "He takes his pills."
    assert plain.is_unclear


def test_the_grade_follows_the_formula():
    # 10 words, 2 sentences, 10 syllables: 0.39 × 5 + 11.8 × 1 − 15.59 is below 0
    assert read_text("You sleep well now. Take the pill each day please.").grade == 0.0
    # 6 words, 1 sentence, 15 syllables
    text = "Medication adherence improved considerably after counselling."
    syllables = sum(count_syllables(word) for word in text.rstrip(".").split())
    assert read_text(text).grade == round(0.39 * 6 + 11.8 * syllables / 6 - 15.59, 1)
    assert read_text(text).is_hard
    assert read_text("").grade == 0.0


@pytest.mark.parametrize(
    ("word", "count"),
    [("sleep", 1), ("worked", 1), ("wanted", 2), ("little", 2), ("depression", 3), ("diet", 2), ("situation", 4), ("75", 2)],
)  # fmt: skip
def test_syllables(word, count):
    assert count_syllables(word) == count


pytestmark = pytest.mark.django_db


@pytest.fixture
def signed(asha):
    return make_report(asha, status="signed")


@pytest.fixture
def begun(signed, asha, now):
    return services.begin_summary(signed, by=asha, at=now)


def test_every_line_rests_on_sentences_of_the_signed_report(begun, signed):
    sentences = {sentence["id"]: sentence for sentence in all_sentences(signed.structured_data)}

    assert begun.lines
    for line in begun.lines:
        assert line["origin"] == "ai"
        assert line["sources"]
        for source in line["sources"]:
            assert line["text"] == in_plain_words(sentences[source]["text"], gender="female").text
    assert begun.ticked_at is None
    assert begun.reading_grade is not None


def test_risk_judgements_and_unclear_lines_wait_for_the_clinician(asha, now):
    session = make_session(asha, status="completed")
    make_words(
        session,
        [
            ("doctor", "Have you had any thoughts of suicide?"),
            ("patient", "Yes, I thought about suicide last week."),
            ("patient", "I sleep badly and I wake up at four."),
            ("doctor", "I think this is moderate depression."),
            ("doctor", "We will increase your sertraline to 75 mg every morning."),
        ],
    )
    report = make_report(asha, session=session, status="signed")

    begun = services.begin_summary(report, by=asha, at=now)

    shown = json.dumps(begun.lines).lower()
    assert "sertraline" in shown
    assert "suicid" not in shown
    assert "moderate depression" not in shown
    offers = summary.offers_of(report, begun.lines)
    assert any("suicid" in offer.text.lower() and offer.why_held_back for offer in offers)


def test_a_held_back_sentence_is_taken_in_and_left_out_again(begun, signed, asha, now):
    offer = summary.offers_of(signed, begun.lines)[0]

    taken = services.take_in(begun, offer.sentence_id, by=asha, at=now)
    assert offer.sentence_id in [source for line in taken.lines for source in line["sources"]]
    with pytest.raises(services.UnusableLine):
        services.take_in(taken, offer.sentence_id, by=asha, at=now)

    left = services.leave_out(taken, offer.sentence_id, by=asha, at=now)
    assert offer.sentence_id in [one.sentence_id for one in summary.offers_of(signed, left.lines)]


def test_nothing_that_is_not_in_the_report_is_taken_in(begun, asha, now):
    with pytest.raises(services.UnusableLine):
        services.take_in(begun, "s999", by=asha, at=now)


def test_a_reworded_line_is_the_clinicians_and_keeps_its_sources(begun, asha, now):
    line = begun.lines[0]

    changed = services.change_line(begun, line["id"], "You feel a little better.", by=asha, at=now)

    assert changed.lines[0]["origin"] == "doctor"
    assert changed.lines[0]["sources"] == line["sources"]


def test_a_typed_line_has_no_source(begun, asha, now):
    line = services.add_line(begun, "Call me  any time.", by=asha, at=now).lines[-1]

    assert (line["text"], line["sources"], line["origin"]) == ("Call me any time.", [], "doctor")


@pytest.mark.parametrize("text", ["", "   ", "x" * 601])
def test_an_empty_or_endless_line_is_refused(begun, asha, now, text):
    with pytest.raises(services.UnusableLine):
        services.add_line(begun, text, by=asha, at=now)


@pytest.mark.parametrize("change", ["change_line", "leave_out", "take_in", "add_line"])
def test_every_change_takes_the_tick_away(begun, signed, asha, now, change):
    ticked = services.tick_summary(begun, by=asha, at=now)
    assert ticked.ticked_by == asha
    first, offer = begun.lines[0]["id"], summary.offers_of(signed, begun.lines)[0].sentence_id
    parts = {"change_line": [first, "New words."], "leave_out": [first], "take_in": [offer], "add_line": ["More."]}

    changed = getattr(services, change)(ticked, *parts[change], by=asha, at=now)

    assert changed.ticked_at is None
    assert changed.ticked_by is None
    assert changed.revision == ticked.revision + 1


def test_what_was_read_before_a_change_is_neither_changed_nor_ticked(begun, asha, now):
    services.add_line(begun, "More.", by=asha, at=now, revision=0)

    with pytest.raises(services.StaleRevision):
        services.tick_summary(begun, by=asha, at=now, revision=0)
    with pytest.raises(services.StaleRevision):
        services.add_line(begun, "Other.", by=asha, at=now, revision=0)


def test_a_tampered_report_is_neither_shown_nor_changed_nor_handed_over_as_a_summary(
    begun, signed, asha, signed_in, now
):
    line = begun.lines[0]
    by_hand(Report, signed.pk, content_hash="0" * 64)
    tampered = PatientSummary.objects.get(pk=begun.pk)

    page = signed_in(asha).get(reverse("reports:summary", args=[signed.pk]))

    assert page.status_code == 409
    assert line["text"] not in page.content.decode()
    for verb in (services.tick_summary, services.export_summary):
        with pytest.raises(SealBroken):
            verb(tampered, by=asha, at=now)
    with pytest.raises(SealBroken):
        services.leave_out(tampered, line["id"], by=asha, at=now)


def test_an_empty_summary_is_not_ticked(begun, asha, now):
    for line in begun.lines:
        services.leave_out(begun, line["id"], by=asha, at=now)

    with pytest.raises(Conflict):
        services.tick_summary(begun, by=asha, at=now)


def test_beginning_twice_keeps_what_was_written(begun, signed, asha, now):
    services.add_line(begun, "Call me.", by=asha, at=now)

    assert services.begin_summary(signed, by=asha, at=now).lines[-1]["text"] == "Call me."
    assert PatientSummary.objects.count() == 1


def test_a_draft_has_no_summary_and_others_make_none(asha, rita, omar, signed, now):
    with pytest.raises(Conflict):
        services.begin_summary(make_report(asha), by=asha, at=now)
    for person in (rita, omar):
        with pytest.raises(NotAllowed):
            services.begin_summary(signed, by=person, at=now)


def test_the_trail_names_the_verb_and_no_word(begun, asha, now):
    services.add_line(begun, "Kavya should rest.", by=asha, at=now)

    event = AuditEvent.objects.filter(detail__verb="add_line").get()
    assert "Kavya" not in str(event.detail)


def test_the_pdf_has_the_lines_the_crisis_line_and_no_more(begun, signed, asha, now):
    clinic = ClinicSettings.load()
    clinic.crisis_line = "Call Tele-MANAS, 14416, at any hour."
    clinic.save()

    document = services.export_summary(begun, by=asha, at=now)

    text = " ".join("".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(document.content)).pages).split())
    assert begun.lines[0]["text"] in text
    assert "If you are in crisis: Call Tele-MANAS, 14416" in text
    assert "Not checked yet" in text
    assert signed.session.patient.last_name not in document.file_name
    ticked = services.export_summary(services.tick_summary(begun, by=asha, at=now), by=asha, at=now)
    assert "Not checked yet" not in pypdf.PdfReader(BytesIO(ticked.content)).pages[0].extract_text()


def test_without_a_crisis_line_none_is_invented(begun, asha, now):
    text = pypdf.PdfReader(BytesIO(services.export_summary(begun, by=asha, at=now).content)).pages[0].extract_text()

    assert "crisis" not in text


def test_the_owner_works_through_the_doors(signed, asha, signed_in):
    client = signed_in(asha)
    page = reverse("reports:summary", args=[signed.pk])
    assert "No summary yet" in client.get(page).content.decode()

    client.post(reverse("reports:begin_summary", args=[signed.pk]))
    stored = PatientSummary.objects.get()
    line = stored.lines[0]["id"]
    client.post(
        reverse("reports:change_summary_line", args=[signed.pk, line]), {"text": "You sleep better.", "revision": 0}
    )
    client.post(reverse("reports:add_summary_line", args=[signed.pk]), {"text": "Call me.", "revision": 1})
    offer = summary.offers_of(reloaded(signed), stored.lines)[0].sentence_id
    client.post(reverse("reports:take_into_summary", args=[signed.pk, offer]), {"revision": 2})
    client.post(reverse("reports:change_summary_line", args=[signed.pk, offer]), {"leave_out": "1", "revision": 3})
    client.post(reverse("reports:tick_summary", args=[signed.pk]), {"revision": 4})

    text = client.get(page).content.decode()
    assert "You sleep better." in text
    assert "Call me." in text
    assert "Ticked by" in text
    assert "Flesch-Kincaid" in text
    assert client.post(reverse("reports:summary_pdf", args=[signed.pk])).content.startswith(b"%PDF")


@pytest.mark.parametrize(("who", "status"), [("ben", 404), ("rita", 403), ("omar", 403)])
def test_strangers_and_other_roles_see_no_summary(signed, begun, request, signed_in, who, status):
    client = signed_in(request.getfixturevalue(who))

    assert client.get(reverse("reports:summary", args=[signed.pk])).status_code == status
    for name, more in (("begin_summary", []), ("add_summary_line", []), ("tick_summary", []), ("summary_pdf", []),
                       ("change_summary_line", ["s1"]), ("take_into_summary", ["s1"])):  # fmt: skip
        assert client.post(reverse(f"reports:{name}", args=[signed.pk, *more])).status_code == status, name


def test_the_doors_that_change_take_no_get(signed, begun, asha, signed_in):
    client = signed_in(asha)

    for name in ("begin_summary", "add_summary_line", "tick_summary", "summary_pdf"):
        assert client.get(reverse(f"reports:{name}", args=[signed.pk])).status_code == 405
