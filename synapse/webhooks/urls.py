"""Addresses of webhooks, under the settings."""

from django.urls import path

from synapse.webhooks import views

app_name = "webhooks"
urlpatterns = [
    path("", views.endpoints, name="list"),
    path("new/", views.add, name="add"),
    path("<uuid:pk>/", views.detail, name="detail"),
    path("<uuid:pk>/secret/", views.rotate, name="rotate"),
    path("<uuid:pk>/test/", views.ping, name="ping"),
    path("<uuid:pk>/on/", views.switch, {"is_active": True}, name="switch_on"),
    path("<uuid:pk>/off/", views.switch, {"is_active": False}, name="switch_off"),
    path("<uuid:pk>/again/", views.replay_dead, name="replay_dead"),
    path("<uuid:pk>/delete/", views.delete, name="delete"),
    path("deliveries/<uuid:pk>/again/", views.replay, name="replay"),
]
