"""Django's admin pages, for administrators only, behind the app's own sign-in."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models.base import ModelBase
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.services import record_denial


class ClinicAdminSite(admin.AdminSite):
    """Set-up tables for people who may manage the clinic. No clinical text is shown or searched here."""

    site_header = "SynapseAI set-up"
    site_title = "SynapseAI"
    index_title = "Set-up tables"
    site_url = "/"
    enable_nav_sidebar = False

    # Django's groups would be a second, silent source of rights; a scheduled task could name any function to run.
    HIDDEN_APPS = frozenset({"auth", "django_q"})

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register a model's page, except those of apps that set-up has no business with."""
        models: Iterable[Any] = [model_or_iterable] if isinstance(model_or_iterable, ModelBase) else model_or_iterable
        shown = [model for model in models if model._meta.app_label not in self.HIDDEN_APPS]
        super().register(shown, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Ask for the capability; Django's staff flag means nothing here."""
        return isinstance(request.user, User) and request.user.may(Permission.MANAGE_CLINIC)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send strangers to the app's sign-in; refuse, and record, everybody else."""
        if request.user.is_authenticated:
            record_denial(request, reason=Permission.MANAGE_CLINIC.value)
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or "/admin/")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Leave by the app's own door, which takes a POST only."""
        return redirect("accounts:profile")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Use the app's own page, which ends the other sessions and is audited."""
        return redirect("accounts:security")
