from synapse.accounts.models import User
from synapse.accounts.roles import CAPABILITIES, Permission, Role


def test_every_role_has_a_list_and_every_capability_an_owner():
    assert set(CAPABILITIES) == set(Role.values)
    assert set().union(*CAPABILITIES.values()) == set(Permission)


def test_nobody_deactivated_may_do_anything():
    closed = User(role=Role.ADMIN, is_active=False, is_superuser=True)

    assert not any(closed.may(permission) for permission in Permission)


def test_an_unknown_role_may_do_nothing():
    assert not any(User(role="visitor").may(permission) for permission in Permission)


def test_a_receptionist_sees_no_clinical_text():
    held = CAPABILITIES[Role.RECEPTIONIST]

    assert not held & {Permission.VIEW_CLINICAL, Permission.VIEW_SESSIONS, Permission.WRITE_REPORTS}


def test_an_administrator_writes_no_clinical_text():
    held = CAPABILITIES[Role.ADMIN]

    assert not held & {Permission.EDIT_CLINICAL, Permission.CONDUCT_SESSIONS, Permission.WRITE_REPORTS}
