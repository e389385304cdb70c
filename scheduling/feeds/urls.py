"""Addresses of calendars outside, under the settings."""

from django.urls import path

from scheduling.feeds import views

app_name = "calendars"
urlpatterns = [
    path("", views.calendars, name="list"),
    path("feeds/new/", views.make, name="make"),
    path("feeds/<uuid:pk>/revoke/", views.revoke, name="revoke"),
    path("busy/new/", views.take_in, name="take_in"),
    path("busy/<uuid:pk>/again/", views.take_in, name="take_in_again"),
    path("busy/<uuid:pk>/remove/", views.remove, name="remove"),
]
