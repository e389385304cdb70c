"""What of billing is in Django admin: prices, codes, insurers and settings to look at, codes and insurers to correct.

Bills and the ledger are not here: they change through their services only. Prices change on the pages of the fee
schedule, which end one and let another follow; nothing is deleted.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from billing.models import BillingSettings, Code, FeeScheduleItem, Payer, ReminderStage
from billing.services import codes


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Rows to look at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(FeeScheduleItem)
class FeeScheduleItemAdmin(ReadOnlyAdmin):
    """Prices, those that ended as well, since bills were made from them."""

    list_display = (
        "description",
        "session_type",
        "purpose",
        "doctor",
        "minimum_minutes",
        "cpt_code",
        "unit_price",
        "currency",
        "tax_rate",
        "valid_from",
        "valid_until",
        "is_active",
    )
    list_filter = ("session_type", "purpose", "is_active", "currency")
    list_select_related = ("doctor",)
    ordering = ("session_type", "minimum_minutes", "valid_from")


@admin.register(Code)
class CodeAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """The code tables. Words, minutes and retirement of one code can be corrected; lists come in by import."""

    list_display = ("code", "words", "system", "minimum_minutes", "maximum_minutes", "is_retired", "is_imported")
    list_filter = ("system", "is_retired", "is_imported")
    search_fields = ("code", "words")
    ordering = ("system", "code")
    fields = (
        "system",
        "code",
        "words",
        "minimum_minutes",
        "maximum_minutes",
        "is_retired",
        "retired_in",
        "replaced_by",
        "is_imported",
    )
    readonly_fields = ("system", "code", "is_imported")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Code, form: Any, change: bool) -> None:
        codes.store_code(obj, by=request.user, fields=form.changed_data)  # type: ignore[arg-type]  # only Users get here


@admin.register(Payer)
class PayerAdmin(ReadOnlyAdmin):
    """Insurers, kept on their own page."""

    list_display = ("name", "electronic_id", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name",)


@admin.register(ReminderStage)
class ReminderStageAdmin(ReadOnlyAdmin):
    """The letters about overdue bills, kept on their own page."""

    list_display = ("stage", "days_late", "title", "is_active")


@admin.register(BillingSettings)
class BillingSettingsAdmin(ReadOnlyAdmin):
    """How the clinic bills, kept on its own page."""

    list_display = ("__str__", "tax_label", "prices_include_tax", "charges_late_cancel", "charges_no_show")
