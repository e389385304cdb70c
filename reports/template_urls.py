"""Addresses of this app."""

from django.urls import URLPattern, URLResolver

app_name = "report_templates"
urlpatterns: list[URLPattern | URLResolver] = []
