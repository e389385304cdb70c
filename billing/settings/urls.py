"""Fee schedule and billing settings."""

from django.urls import URLPattern, path

from billing.settings import views

urlpatterns: list[URLPattern] = [
    path("settings/", views.billing_settings, name="billing_settings"),
    path("settings/fees/", views.fee_list, name="fees"),
    path("settings/fees/add/", views.add_fee, name="add_fee"),
    path("settings/fees/import/", views.import_fees, name="import_fees"),
    path("settings/fees/import/sample/", views.sample_fees, name="sample_fees"),
    path("settings/fees/export/", views.export_fees, name="export_fees"),
    path("settings/fees/<uuid:pk>/", views.change_fee, name="change_fee"),
    path("settings/fees/<uuid:pk>/end/", views.end_fee, name="end_fee"),
]
