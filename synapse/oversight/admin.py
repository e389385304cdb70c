"""Findings in Django's admin: read and filter; they are judged on their own page."""

from django.contrib import admin

from synapse.audit.admin import ReadOnlyAdmin
from synapse.oversight.models import AccessAlert


@admin.register(AccessAlert)
class AccessAlertAdmin(ReadOnlyAdmin):
    list_display = ["ended_at", "rule", "actor_label", "address", "number", "status"]
    list_filter = ["status", "rule", "ended_at"]
    search_fields = ["actor_label"]
    ordering = ["-ended_at"]
    exclude = ["note"]
