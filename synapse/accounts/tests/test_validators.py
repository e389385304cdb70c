import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from synapse.accounts.models import ClinicSettings, User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("password", ["correct horse battery", "x9" * 64, "пароль из трёх слов", "a" + "bcdefgh" * 5])
def test_long_unusual_passwords_are_taken(password):
    assert validate_password(password) is None


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("elevenchars", "too short"),
        ("a1" * 65, "128 characters"),
        ("password1234", "easy to guess"),
        ("synapse2026!!", "easy to guess"),
        ("SynapseClinic1", "easy to guess"),
        ("synapse20262026", "easy to guess"),
        ("1234-Sunshine-5678", "easy to guess"),
    ],
)
def test_weak_passwords_are_refused(password, why):
    with pytest.raises(ValidationError, match=why):
        validate_password(password)


@pytest.mark.parametrize(
    "password", ["Banyan-2026-Tree", "asha!!!!rao!!!!2026", "banyantreeclinic", "rao synapse 2026"]
)
def test_the_clinics_and_ones_own_name_do_not_make_a_password(password):
    ClinicSettings.objects.update_or_create(pk=1, defaults={"name": "Banyan Tree Clinic"})
    user = User(username="arao", first_name="Asha", last_name="Rao", email="dr.asha@clinic.example")

    with pytest.raises(ValidationError, match="easy to guess"):
        validate_password(password, user)
    validate_password("banyan gate of green wood", user)


def test_a_password_like_the_name_is_refused():
    user = User(username="asha", first_name="Asha", last_name="Ramanathan", email="asha@clinic.example")

    with pytest.raises(ValidationError, match="similar"):
        validate_password("asha.ramanathan", user)
