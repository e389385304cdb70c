"""Addresses of one's own voice profile, under the settings."""

from django.urls import path

from sessions_app import voice_views

app_name = "voice"
urlpatterns = [
    path("", voice_views.profile, name="profile"),
    path("delete/", voice_views.delete, name="delete"),
]
