"""Addresses of patients and of what belongs to one."""

from django.urls import path

from patients import chart_views, views
from patients.consents import tablet_views as consent_tablet_views
from patients.consents import views as consent_views
from patients.emergency import views as emergency_views
from patients.handover import views as handover_views
from patients.merging import views as merge_views

app_name = "patients"
urlpatterns = [
    path("", views.patient_list, name="list"),
    path("new/", views.new, name="new"),
    path("search/", views.search, name="search"),
    path("tags/", views.tags, name="tags"),
    path("emergency/", emergency_views.find, name="emergency"),
    path("emergency/open/", emergency_views.open_record, name="emergency_open"),
    path("emergency/<uuid:pk>/end/", emergency_views.end, name="end_emergency"),
    path("<uuid:pk>/", chart_views.detail, name="detail"),
    path("<uuid:pk>/edit/", views.edit, name="edit"),
    path("<uuid:pk>/archive/", views.archive, name="archive"),
    path("<uuid:pk>/restore/", views.restore, name="restore"),
    path("<uuid:pk>/profile/", chart_views.profile, name="profile"),
    path("<uuid:pk>/history/", chart_views.history, name="history"),
    path("<uuid:pk>/medications/", chart_views.medications, name="medications"),
    path("<uuid:pk>/consents/", consent_views.consent_list, name="consents"),
    path("<uuid:pk>/consents/new/", consent_views.consent_create, name="consent_create"),
    path("<uuid:pk>/consents/copy/", consent_views.consent_copy, name="consent_copies"),
    path("<uuid:pk>/consents/<uuid:consent_pk>/copy/", consent_views.consent_copy, name="consent_copy"),
    path("<uuid:pk>/consents/tablet/", consent_tablet_views.hand_over, name="consent_hand_over"),
    path("<uuid:pk>/consents/ask/", consent_views.consent_ask, name="consent_ask"),
    path("<uuid:pk>/consents/<uuid:consent_pk>/withdraw/", consent_views.consent_withdraw, name="consent_withdraw"),
    path("<uuid:pk>/audio-retention/", consent_views.audio_retention, name="audio_retention"),
    path("hand-over/", handover_views.everybody, name="hand_over_all"),
    path("handovers/<uuid:pk>/", handover_views.detail, name="handover"),
    path("handovers/<uuid:pk>/end/", handover_views.end, name="end_handover"),
    path("<uuid:pk>/hand-over/", handover_views.one, name="hand_over"),
    path("<uuid:pk>/merge/", merge_views.merge, name="merge"),
    path("<uuid:pk>/merge/find/", merge_views.find, name="merge_find"),
    path("<uuid:pk>/merge/<uuid:merge_pk>/undo/", merge_views.undo, name="undo_merge"),
    path("<uuid:pk>/sharing/", chart_views.sharing, name="sharing"),
    path("<uuid:pk>/sharing/new/", chart_views.share, name="share"),
    path("<uuid:pk>/sharing/<uuid:access_pk>/end/", chart_views.end_share, name="end_share"),
]
