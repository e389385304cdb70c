"""The fee schedule in Django admin. Bills and the ledger are not here: they change through their services only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from billing import services
from billing.models import FeeScheduleItem


@admin.register(FeeScheduleItem)
class FeeScheduleItemAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Prices. One that ends gets a last day and stays, since bills were made from it."""

    list_display = (
        "description",
        "session_type",
        "minimum_minutes",
        "cpt_code",
        "unit_price",
        "currency",
        "valid_from",
        "valid_until",
        "is_active",
    )
    list_filter = ("session_type", "is_active", "currency")
    ordering = ("session_type", "minimum_minutes", "valid_from")

    def has_delete_permission(self, request: HttpRequest, obj: FeeScheduleItem | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: FeeScheduleItem, form: Any, change: bool) -> None:
        services.store_fee(obj, by=request.user, fields=form.changed_data)  # type: ignore[arg-type]  # only Users get here
