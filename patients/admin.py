"""Patients in Django admin: numbers and dates only, nothing to change, nothing of who they are."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from patients.models import Consent, Patient


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """A table to look at: what happens to a record happens through its services."""

    actions = None

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Patient)
class PatientAdmin(ReadOnlyAdmin):
    """Which records there are, and since when."""

    list_display = fields = ("patient_id", "created_at", "last_seen_at", "archived_at")
    search_fields = ("patient_id",)
    date_hierarchy = "created_at"
    ordering = ("-patient_id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Patient]:
        """Read the plain columns alone; the rest is not even decrypted."""
        return super().get_queryset(request).only("pk", *self.list_display)


@admin.register(Consent)
class ConsentAdmin(ReadOnlyAdmin):
    """How many consents of which text there are, and how they stand."""

    list_display = fields = ("kind", "text_version", "status", "method", "given_at", "expires_at", "withdrawn_at")
    list_filter = ("kind", "status", "method", "text_version")
    ordering = ("-created_at",)
