"""Addresses of reports."""

from django.urls import path

from reports import review_views, sealing_views, views

app_name = "reports"
urlpatterns = [
    path("", views.report_list, name="list"),
    path("for-patient/<uuid:patient_pk>/", views.for_patient, name="for_patient"),
    path("for-session/<uuid:session_pk>/", views.for_session, name="for_session"),
    path("for-session/<uuid:session_pk>/new/", views.request_report, name="request"),
    path("<uuid:pk>/", views.detail, name="detail"),
    path("<uuid:pk>/progress/", views.progress, name="progress"),
    path("<uuid:pk>/regenerate/", views.regenerate, name="regenerate"),
    path("<uuid:pk>/retry/", views.retry, name="retry"),
    path("<uuid:pk>/review/", views.review, name="review"),
    path("<uuid:pk>/sections/<slug:section_id>/", review_views.section, name="section"),
    path("<uuid:pk>/sections/<slug:section_id>/edit/", review_views.edit_section, name="edit_section"),
    path("<uuid:pk>/sections/<slug:section_id>/check/", review_views.check_section, name="check_section"),
    path("<uuid:pk>/lines/<slug:sentence_id>/", review_views.settle, name="settle"),
    path("<uuid:pk>/findings/<slug:key>/", review_views.insert_finding, name="insert_finding"),
    path("<uuid:pk>/sign/", sealing_views.sign, name="sign"),
    path("<uuid:pk>/amend/", sealing_views.amend, name="amend"),
    path("<uuid:pk>/export/<slug:file_type>/", sealing_views.export, name="export"),
    path("<uuid:pk>/take-over/", views.take_over, name="take_over"),
]
