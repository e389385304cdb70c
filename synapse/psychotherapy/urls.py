"""Addresses of private notes."""

from django.urls import path

from synapse.psychotherapy import views

app_name = "private_notes"
urlpatterns = [
    path("", views.mine, name="mine"),
    path("patients/<uuid:patient_pk>/", views.for_patient, name="for_patient"),
    path("patients/<uuid:patient_pk>/write/", views.write_for_patient, name="write_for_patient"),
    path("sessions/<uuid:session_pk>/", views.for_session, name="for_session"),
    path("sessions/<uuid:session_pk>/write/", views.write_for_session, name="write_for_session"),
    path("<uuid:pk>/", views.detail, name="detail"),
    path("<uuid:pk>/earlier/<int:revision>/", views.earlier, name="earlier"),
    path("<uuid:pk>/delete/", views.delete, name="delete"),
]
