from django.db import transaction

from synapse.accounts.models import ClinicSettings
from synapse.audit.models import ChainHead
from synapse.common.single_rows import single_row


def test_the_row_is_made_with_its_defaults_and_then_found(db, django_assert_num_queries):
    ClinicSettings.objects.all().delete()

    made = single_row(ClinicSettings)
    assert (made.pk, made.name, made.reminder_hours) == (1, "Clinic", [72, 24, 2])

    made.vocabulary = "sertraline"
    made.save()
    with django_assert_num_queries(1):
        found = single_row(ClinicSettings)
    assert found == made
    assert (found.vocabulary, found.tax_rate) == ("sertraline", made.tax_rate)


def test_every_value_is_read_as_the_orm_reads_it(db):
    settings = single_row(ClinicSettings)
    settings.vocabulary, settings.reminder_hours = "sertraline", [48]
    settings.save()

    found, read = single_row(ClinicSettings), ClinicSettings.objects.get()

    for field in ClinicSettings._meta.concrete_fields:
        value = getattr(found, field.attname)
        assert (value, type(value)) == (getattr(read, field.attname), type(getattr(read, field.attname))), field.name
    assert (found._state.db, found._state.adding) == ("default", False)


def test_a_row_to_be_changed_is_locked_and_saved_as_any_other(db):
    with transaction.atomic():
        head = single_row(ChainHead, locked=True)
        head.seq = 7
        head.save()

    assert ChainHead.objects.get().seq == 7
