import datetime as dt
from decimal import Decimal

import pytest
from cryptography.fernet import Fernet
from django import forms
from django.core.exceptions import FieldError, ValidationError
from django.db import connection, models, transaction
from django.db.models import Case, Count, F, Max, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat, Upper
from rest_framework import serializers

from synapse.encryption import crypto, fields
from synapse.encryption.errors import DecryptionError

NOON = dt.datetime(2025, 3, 1, 12, 0, 0, 123456, tzinfo=dt.UTC)
VALUES = {
    "name": "Jané ₹",
    "text": "line one\nline two",
    "email": "jane@example.org",
    "born_on": dt.date(1950, 2, 28),
    "seen_at": NOON,
    "count": -5,
    "amount": Decimal("1234.50"),
    "data": {"a": [1, "é", None], "b": {"c": True}},
    "flag": True,
}


def stored(model, pk: int, column: str) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT "{column}" FROM "{model._meta.db_table}" WHERE id = %s', [pk])
        return cursor.fetchone()[0]


def store(model, pk: int, column: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'UPDATE "{model._meta.db_table}" SET "{column}" = %s WHERE id = %s', [value, pk])


def values_of(row) -> dict[str, object]:
    return {name: getattr(row, name) for name in VALUES}


def test_every_kind_comes_back_as_it_went_in(secrets):
    row = secrets.objects.create(**VALUES)

    assert values_of(secrets.objects.get(pk=row.pk)) == VALUES


def test_every_column_is_marked_ciphertext_under_the_active_key(secrets):
    row = secrets.objects.create(**VALUES)

    columns = [stored(secrets, row.pk, name) for name in VALUES]

    assert all(column.startswith(f"v1.{crypto.active_key_id()}.gAAAA") for column in columns)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_a_moment_is_the_same_in_any_time_zone(secrets, settings, zone):
    settings.TIME_ZONE = zone
    row = secrets.objects.create(seen_at=NOON.astimezone(dt.timezone(dt.timedelta(hours=9))))

    assert secrets.objects.get(pk=row.pk).seen_at == NOON


@pytest.mark.parametrize("name", [name for name in VALUES if name not in {"name", "text", "email", "flag"}])
def test_none_is_null_in_the_column(secrets, name):
    row = secrets.objects.create(**{name: None})

    assert stored(secrets, row.pk, name) is None
    assert getattr(secrets.objects.get(pk=row.pk), name) is None


def test_empty_and_zero_values_come_back(secrets):
    row = secrets.objects.create(name="", count=0, amount=Decimal(0), data=[], flag=False)

    found = secrets.objects.get(pk=row.pk)

    assert (found.name, found.count, found.amount, found.data, found.flag) == ("", 0, Decimal("0.00"), [], False)


def test_an_amount_keeps_its_two_places(secrets):
    row = secrets.objects.create(amount=Decimal("9.9"))

    assert str(secrets.objects.get(pk=row.pk).amount) == "9.90"


def test_update_bulk_create_and_bulk_update_encrypt(secrets):
    first, second = secrets.objects.bulk_create([secrets(**VALUES), secrets(name="two")])
    secrets.objects.filter(pk=second.pk).update(name="updated", amount=Decimal("2.00"))
    first.name, first.count, first.data, first.born_on, first.flag = "bulk", 77, [1], None, False
    first.amount, first.seen_at = Decimal("0.01"), NOON + dt.timedelta(days=1)

    secrets.objects.bulk_update([first], ["name", "count", "data", "born_on", "flag", "amount", "seen_at"])

    found = secrets.objects.get(pk=first.pk)
    assert values_of(found) == values_of(first)
    assert stored(secrets, first.pk, "name").startswith("v1.")
    assert stored(secrets, second.pk, "name").startswith("v1.")
    assert secrets.objects.get(pk=second.pk).name == "updated"


def test_values_only_and_defer_decrypt(secrets):
    row = secrets.objects.create(**VALUES)

    assert secrets.objects.values("name").get()["name"] == VALUES["name"]
    assert secrets.objects.values_list("amount", flat=True).get() == VALUES["amount"]
    assert secrets.objects.only("born_on").get().born_on == VALUES["born_on"]
    assert secrets.objects.raw(f'SELECT * FROM "{secrets._meta.db_table}"')[0].data == VALUES["data"]
    assert row.pk


def test_a_pasted_ciphertext_stays_what_was_pasted(secrets):
    ciphertext = crypto.encrypt("somebody's secret")

    typed = secrets(text=ciphertext)
    typed.full_clean()
    typed.save()

    assert secrets.objects.get(pk=typed.pk).text == ciphertext


def test_forms_and_serializers_do_not_decrypt(secrets):
    ciphertext = crypto.encrypt("somebody's secret")

    class SecretForm(forms.ModelForm):
        class Meta:
            model = secrets
            fields = ["text"]

    class SecretSerializer(serializers.ModelSerializer):
        class Meta:
            model = secrets
            fields = ["text"]

    form, serializer = SecretForm({"text": ciphertext}), SecretSerializer(data={"text": ciphertext})

    assert form.is_valid()
    assert form.save().text == ciphertext
    assert serializer.is_valid()
    assert serializer.save().text == ciphertext


def test_max_length_and_the_range_of_integers_are_checked(secrets):
    with pytest.raises(ValidationError) as refused:
        secrets(name="x" * 11, count=2**31).full_clean()

    assert set(refused.value.message_dict) == {"name", "count"}
    assert secrets._meta.get_field("name").deconstruct()[3]["max_length"] == 10


@pytest.mark.parametrize("name", list(VALUES))
def test_a_wrong_key_raises_and_shows_nothing(secrets, settings, name):
    row = secrets.objects.create(**VALUES)
    settings.FIELD_ENCRYPTION_KEY = [Fernet.generate_key().decode()]

    with pytest.raises(DecryptionError) as refused:
        secrets.objects.only(name).get(pk=row.pk)

    assert name in str(refused.value)
    assert "gAAAA" not in str(refused.value)


def test_under_a_wrong_key_nothing_can_be_saved_over(secrets, settings):
    row = secrets.objects.create(name="real")
    before, right = stored(secrets, row.pk, "name"), settings.FIELD_ENCRYPTION_KEY
    settings.FIELD_ENCRYPTION_KEY = [Fernet.generate_key().decode()]

    with pytest.raises(DecryptionError):
        secrets.objects.get(pk=row.pk).save()

    assert stored(secrets, row.pk, "name") == before
    settings.FIELD_ENCRYPTION_KEY = right
    assert secrets.objects.get(pk=row.pk).name == "real"


@pytest.mark.parametrize("damage", ["flip", "cut", "plain text", "no marker", "empty"])
def test_a_damaged_value_raises(secrets, damage):
    row = secrets.objects.create(name="real")
    value = stored(secrets, row.pk, "name")
    at = len(value) // 2
    damaged = {
        "flip": value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :],
        "cut": value[:-8],
        "plain text": "Jane",
        "no marker": value.split(".", 2)[2],
        "empty": "",
    }[damage]
    store(secrets, row.pk, "name", damaged)

    with pytest.raises(DecryptionError):
        secrets.objects.get(pk=row.pk)


def test_content_of_another_kind_raises(secrets):
    row = secrets.objects.create(count=1)
    store(secrets, row.pk, "count", crypto.encrypt("not a number"))

    with pytest.raises(DecryptionError):
        secrets.objects.get(pk=row.pk)


def test_a_former_key_reads_and_the_active_one_writes(secrets, settings):
    row = secrets.objects.create(name="real")
    settings.FIELD_ENCRYPTION_KEY = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEY]

    found = secrets.objects.get(pk=row.pk)
    found.save()

    assert found.name == "real"
    assert stored(secrets, row.pk, "name").startswith(f"v1.{crypto.active_key_id()}.")


@pytest.mark.parametrize(
    "lookup",
    [
        {"name": "x"},
        {"name__exact": "x"},
        {"name__in": ["x"]},
        {"name__icontains": "x"},
        {"name__startswith": "x"},
        {"name__regex": "x"},
        {"born_on": dt.date(1950, 2, 28)},
        {"born_on__year": 1950},
        {"seen_at__date__gt": dt.date(1950, 2, 28)},
        {"count__gt": 1},
        {"amount__lte": 1},
        {"data__a": 1},
        {"data__has_key": "a"},
        {"flag": False},
    ],
)
def test_every_lookup_but_isnull_is_refused(secrets, lookup):
    with pytest.raises(FieldError):
        secrets.objects.filter(**lookup).count()
    with pytest.raises(FieldError):
        secrets.objects.exclude(**lookup).count()


def test_isnull_works_also_in_a_subquery(secrets):
    secrets.objects.create(count=1)
    secrets.objects.create(count=None)

    with_count = secrets.objects.filter(count__isnull=False)

    assert with_count.count() == 1
    assert secrets.objects.filter(pk__in=with_count.values("pk")).count() == 1
    assert secrets.objects.filter(Q(count__isnull=True) | Q(plain="x")).count() == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda rows: rows.order_by("name").first(),
        lambda rows: rows.order_by("-amount").first(),
        lambda rows: rows.order_by(F("name").desc()).first(),
        lambda rows: rows.order_by(Upper("name")).first(),
        lambda rows: rows.aggregate(most=Max("name")),
        lambda rows: rows.aggregate(many=Count("name", distinct=True)),
        lambda rows: rows.annotate(copy=F("name")).first(),
        lambda rows: rows.annotate(loud=Upper("name")).first(),
        lambda rows: rows.annotate(all=Concat("name", "plain", output_field=models.TextField())).first(),
        lambda rows: rows.annotate(one=Coalesce("name", "text", output_field=models.TextField())).first(),
        lambda rows: rows.annotate(one=Case(When(plain="", then="name"), default=Value("")))[0],
        lambda rows: rows.filter(plain=F("name")).count(),
        lambda rows: rows.annotate(
            other=Subquery(rows.model.objects.filter(plain=OuterRef("name")).values("plain")[:1])
        ).first(),
        lambda rows: rows.latest("seen_at"),
    ],
)
def test_no_expression_aggregate_or_ordering_may_use_the_column(secrets, use):
    secrets.objects.create(**VALUES)

    with pytest.raises(FieldError):
        use(secrets.objects.all())


@pytest.mark.parametrize(
    "value",
    [F("plain"), F("text"), Upper("plain"), Value("x"), Concat("plain", Value("!")), Value("x", models.TextField())],
)
def test_no_expression_can_be_stored(secrets, value):
    row = secrets.objects.create(name="real", plain="plain")

    with pytest.raises(FieldError), transaction.atomic():
        secrets.objects.filter(pk=row.pk).update(name=value)

    assert secrets.objects.get(pk=row.pk).name == "real"


def make_model(**attributes):
    from django.apps.registry import Apps

    meta = {"app_label": "encryption_tests", "apps": Apps(), **attributes.pop("meta", {})}
    return type("Wrong", (models.Model,), {"__module__": __name__, "Meta": type("Meta", (), meta), **attributes})


@pytest.mark.parametrize(
    "attributes",
    [
        {"name": fields.EncryptedCharField(max_length=10, unique=True)},
        {"name": fields.EncryptedCharField(max_length=10, db_index=True)},
        {
            "name": fields.EncryptedCharField(max_length=10),
            "meta": {"indexes": [models.Index(fields=["name"], name="wrong_index")]},
        },
        {
            "name": fields.EncryptedCharField(max_length=10),
            "meta": {"constraints": [models.UniqueConstraint(fields=["name"], name="wrong_unique")]},
        },
        {"name": fields.EncryptedCharField(max_length=10), "meta": {"unique_together": [("id", "name")]}},
    ],
)
def test_unique_and_indexes_on_ciphertext_are_system_check_errors(attributes):
    model = make_model(**attributes)

    assert [message.id for message in model._meta.get_field("name").check()] == ["encryption.E001"]


def test_a_plain_declaration_passes_the_checks(secrets):
    assert secrets.check(databases=["default"]) == []
