"""The audit trail in Django's admin: read, filter, nothing else."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from synapse.audit.models import AuditEvent, ChainCheck


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """A listing nobody can add to, change or delete from; the site itself lets administrators in only."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ["seq", "at", "actor_label", "action", "outcome", "target_type", "target_label", "ip"]
    list_filter = ["action", "outcome", "at"]
    search_fields = ["actor_label", "target_label", "target_id", "request_id"]
    ordering = ["-seq"]
    show_full_result_count = False


@admin.register(ChainCheck)
class ChainCheckAdmin(ReadOnlyAdmin):
    list_display = ["checked_at", "events", "broken_seq", "reason", "duration_ms"]
    ordering = ["-checked_at"]
