"""Sign-in by e-mail address or user name, in the same time whether the account exists or not."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.db.models import Q
from django.http import HttpRequest

from synapse.accounts import second_factor
from synapse.accounts.models import User
from synapse.accounts.roles import Permission


class EmailOrUsernameBackend(BaseBackend):
    """The only backend. Rights come from the role alone; there is no superuser shortcut."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """Return the active user whose password this is."""
        if not username or password is None:
            return None
        user = find_user(username)
        if user is None:
            # Hash all the same, so that the time says nothing about who has an account.
            User().set_password(password)
            return None
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: Any) -> User | None:
        """Return the user of a session, read again for each request: deactivation takes effect at once.

        Pages, API, sockets and the admin site ask here; nobody without the second factor they need is anybody.
        """
        open_accounts = User.objects.select_related("profile").filter(pk=user_id, is_active=True)
        return second_factor.admitted(open_accounts).first()

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Open Django's admin pages to the administrators' role; nothing else asks for these permissions."""
        return isinstance(user_obj, User) and user_obj.may(Permission.MANAGE_CLINIC)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return self.has_perm(user_obj, app_label)


def find_user(name: str) -> User | None:
    """Return the user with this e-mail address or user name, whatever the case; None when it is not one person."""
    matches = list(User.objects.filter(Q(username__iexact=name.strip()) | Q(email__iexact=name.strip()))[:2])
    return matches[0] if len(matches) == 1 else None
