"""Figures."""

from django.urls import URLPattern, path

from billing.figures import views

urlpatterns: list[URLPattern] = [
    path("figures/", views.figures, name="figures"),
    path("figures/export/", views.export, name="figures_export"),
]
