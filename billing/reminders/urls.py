"""Reminders and collection."""

from django.urls import URLPattern, path

from billing.reminders import stage_views, views

urlpatterns: list[URLPattern] = [
    path("reminders/letters/", stage_views.stages, name="reminder_stages"),
    path("reminders/letters/<int:stage>/preview/", stage_views.stage_preview, name="stage_preview"),
    path("messages/for-patient/<uuid:patient_pk>/", views.messages_for_patient, name="messages_for_patient"),
    path("<uuid:pk>/remind/", views.remind, name="remind"),
    path("<uuid:pk>/remind/preview/", views.preview, name="remind_preview"),
    path("<uuid:pk>/dispute/", views.dispute, name="dispute"),
    path("<uuid:pk>/settle-dispute/", views.settle_dispute, name="settle_dispute"),
    path("<uuid:pk>/collection/", views.hand_to_collection, name="hand_to_collection"),
    path("<uuid:pk>/take-back/", views.take_back, name="take_back"),
]
