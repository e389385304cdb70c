"""Addresses of patients and of what belongs to one."""

from django.urls import path

from patients import chart_views, views

app_name = "patients"
urlpatterns = [
    path("", views.patient_list, name="list"),
    path("new/", views.new, name="new"),
    path("search/", views.search, name="search"),
    path("tags/", views.tags, name="tags"),
    path("<uuid:pk>/", chart_views.detail, name="detail"),
    path("<uuid:pk>/edit/", views.edit, name="edit"),
    path("<uuid:pk>/archive/", views.archive, name="archive"),
    path("<uuid:pk>/restore/", views.restore, name="restore"),
    path("<uuid:pk>/profile/", chart_views.profile, name="profile"),
    path("<uuid:pk>/history/", chart_views.history, name="history"),
    path("<uuid:pk>/medications/", chart_views.medications, name="medications"),
    path("<uuid:pk>/consents/", chart_views.consent_list, name="consents"),
    path("<uuid:pk>/consents/new/", chart_views.consent_create, name="consent_create"),
    path("<uuid:pk>/consents/<uuid:consent_pk>/withdraw/", chart_views.consent_withdraw, name="consent_withdraw"),
    path("<uuid:pk>/audio-retention/", chart_views.audio_retention, name="audio_retention"),
    path("<uuid:pk>/sharing/", chart_views.sharing, name="sharing"),
    path("<uuid:pk>/sharing/new/", chart_views.share, name="share"),
    path("<uuid:pk>/sharing/<uuid:access_pk>/end/", chart_views.end_share, name="end_share"),
]
