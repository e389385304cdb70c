"""Addresses of this app."""

from django.urls import path

from synapse.dashboard import views

app_name = "dashboard"
urlpatterns = [
    path("", views.home, name="home"),
]
