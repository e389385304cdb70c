"""Addresses of one's own voice profile, under the settings."""

from django.urls import path

from sessions_app.voices import views

app_name = "voice"
urlpatterns = [
    path("", views.profile, name="profile"),
    path("delete/", views.delete, name="delete"),
]
