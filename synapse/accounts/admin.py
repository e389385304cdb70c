"""Users, roles and the clinic's settings. Every change goes through the services, so that rules and audit hold."""

from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from synapse.accounts import people, services, sign_in_limits
from synapse.accounts.clinic_forms import ClinicForm
from synapse.accounts.models import ClinicSettings, User
from synapse.common.errors import DomainError


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Names, role and whether the account is open; people come by invitation and are never deleted."""

    list_display = ("username", "email", "first_name", "last_name", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("username", "email", "first_name", "last_name")
    ordering = ("username",)
    fields = ("username", "email", "first_name", "last_name", "role", "is_active", "last_login", "date_joined")
    readonly_fields = ("username", "email", "last_login", "date_joined")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Apply each changed field by its service; a broken rule is shown and changes nothing."""
        person = User.objects.get(pk=obj.pk)
        by: Any = request.user
        try:
            if person.role != obj.role:
                people.change_role(person, obj.role, by=by)
            if person.is_active and not obj.is_active:
                people.deactivate_person(person, by=by, at=timezone.now())
            elif obj.is_active and not person.is_active:
                people.reactivate_person(person, by=by)
            names = {"first_name": obj.first_name, "last_name": obj.last_name}
            services.update_profile(person, names, by=by, at=timezone.now())
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)


@admin.register(ClinicSettings)
class ClinicSettingsAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The one row, with the form of the clinic page."""

    form = ClinicForm

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ClinicSettings | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ClinicSettings, form: Any, change: bool) -> None:
        services.update_clinic(form.cleaned_data, by=request.user)  # type: ignore[arg-type]  # only Users get here


@admin.register(AccessAttempt)
class AccessAttemptAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Wrong passwords of the last quarter of an hour; deleting a row ends its wait. The audit log keeps them all."""

    list_display = ("attempt_time", "ip_address", "user_agent", "path_info", "failures_since_start", "waits")
    list_filter = ("attempt_time",)
    search_fields = ("ip_address",)
    fields = ("attempt_time", "ip_address", "user_agent", "path_info", "failures_since_start", "waits")
    readonly_fields = fields

    def delete_model(self, request: HttpRequest, obj: AccessAttempt) -> None:
        sign_in_limits.end_wait(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AccessAttempt]) -> None:
        for attempt in queryset:
            sign_in_limits.end_wait(attempt)

    @admin.display(boolean=True)
    def waits(self, attempt: AccessAttempt) -> bool:
        return bool(attempt.failures_since_start >= settings.AXES_FAILURE_LIMIT)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AccessAttempt | None = None) -> bool:
        return False
