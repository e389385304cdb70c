"""`create_admin`: the first administrator of a production installation."""

import getpass
import os
from typing import Any

from django.conf import settings
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from synapse.accounts import people, second_factor
from synapse.accounts.models import User
from synapse.common.errors import DomainError

PASSWORD_VARIABLE = "ADMIN_PASSWORD"  # noqa: S105 -- the name of a variable, not a password


class Command(BaseCommand):
    help = "Make an administrator. Asks for what is not given; the password comes from ADMIN_PASSWORD or is asked for."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username")
        parser.add_argument("--email")
        parser.add_argument("--first-name", default="")
        parser.add_argument("--last-name", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        username = options["username"] or input("User name: ").strip()
        email = (options["email"] or input("E-mail: ").strip()).lower()
        if not username:
            raise CommandError("A user name is needed. Give one with --username.")
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError("This is no e-mail address. Give one like name@clinic.example.") from None
        future = User(username=username, email=email)
        password = os.environ.get(PASSWORD_VARIABLE) or self._ask_password()
        try:
            password_validation.validate_password(password, future)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        try:
            people.create_admin(
                username=username,
                email=email,
                password=password,
                first_name=options["first_name"],
                last_name=options["last_name"],
            )
        except DomainError as error:
            raise CommandError(str(error)) from None
        steps = "Sign in" + (", set up your second factor," if second_factor.is_required() else "")
        self.stdout.write(
            f"Administrator {username} made. {steps} at {settings.BASE_URL}/ and invite your colleagues under People."
        )

    def _ask_password(self) -> str:
        first = getpass.getpass("Password: ")
        if first != getpass.getpass("Password again: "):
            raise CommandError("The two passwords are not the same. Run the command again.")
        return first
