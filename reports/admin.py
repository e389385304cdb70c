"""Reports in Django admin: the clinic's templates and the states of reports, nothing to change and no words."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from reports.models import Report, ReportTemplate


class LockedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """A table to look at: templates and reports change through their services."""

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


@admin.register(ReportTemplate)
class ReportTemplateAdmin(LockedAdmin):
    """The clinic's templates; the pages under Clinic templates change them."""

    list_display = fields = (
        "name",
        "slug",
        "description",
        "version",
        "is_default",
        "is_active",
        "usage_count",
        "last_used_at",
    )
    list_filter = ("is_active",)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReportTemplate]:
        return super().get_queryset(request).filter(doctor=None)


@admin.register(Report)
class ReportAdmin(LockedAdmin):
    """Which reports there are and how far they are; their words are not even decrypted."""

    list_display = fields = (
        "session",
        "report_type",
        "version",
        "status",
        "engine",
        "error_code",
        "generation_seconds",
        "created_at",
        "signed_at",
    )
    list_filter = ("status", "report_type", "engine")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        plain: tuple[Any, ...] = ("pk", *self.fields, "session__session_id")
        return super().get_queryset(request).select_related("session").only(*plain)
