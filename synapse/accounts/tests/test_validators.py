import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from synapse.accounts.models import User


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
    ],
)
def test_weak_passwords_are_refused(password, why):
    with pytest.raises(ValidationError, match=why):
        validate_password(password)


def test_a_password_like_the_name_is_refused():
    user = User(username="asha", first_name="Asha", last_name="Ramanathan", email="asha@clinic.example")

    with pytest.raises(ValidationError, match="similar"):
        validate_password("asha.ramanathan", user)
