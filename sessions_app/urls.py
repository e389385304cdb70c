"""Addresses of this app."""

from django.urls import URLPattern, URLResolver

app_name = "sessions"
urlpatterns: list[URLPattern | URLResolver] = []
