"""Addresses of this app, one module of them in each room."""

from django.urls import include, path

app_name = "billing"
ROOMS = (
    "desk",
    "bills",
    "drafts",
    "paying",
    "documents",
    "accounts",
    "claims",
    "codes",
    "reminders",
    "figures",
    "settings",
)
urlpatterns = [path("", include(f"billing.{room}.urls")) for room in ROOMS]
