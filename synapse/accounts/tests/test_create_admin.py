from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from synapse.accounts.models import User


def create(monkeypatch, password="a gate of green wood", **options):
    monkeypatch.setenv("ADMIN_PASSWORD", password)
    out = StringIO()
    call_command("create_admin", stdout=out, **{"username": "nora", "email": "Nora@clinic.example", **options})
    return out.getvalue()


def test_the_first_administrator_is_made(db, monkeypatch):
    said = create(monkeypatch)

    user = User.objects.get(username="nora")
    assert (user.role, user.email) == ("admin", "nora@clinic.example")
    assert user.check_password("a gate of green wood")
    assert not user.is_superuser
    assert "gate" not in said


@pytest.mark.parametrize(
    "wrong",
    [{"password": "short"}, {"email": "no address"}, {"password": "nora@clinic.example"}],
)
def test_unusable_answers_make_nobody(db, monkeypatch, wrong):
    with pytest.raises(CommandError):
        create(monkeypatch, **wrong)

    assert not User.objects.exists()


def test_a_second_run_says_that_the_name_is_taken(db, monkeypatch):
    create(monkeypatch)

    with pytest.raises(CommandError, match="taken"):
        create(monkeypatch)
