"""Addresses of this app."""

from django.urls import path

from scheduling import views

app_name = "scheduling"
urlpatterns = [
    path("", views.calendar, name="calendar"),
    path("new/", views.book, name="book"),
    path("new/patients/", views.find_patient, name="find_patient"),
    path("new/free/", views.free_times, name="free_times"),
    path("for-patient/<uuid:patient_pk>/", views.for_patient, name="for_patient"),
    path("<uuid:pk>/", views.detail, name="detail"),
    path("<uuid:pk>/confirm/", views.confirm, name="confirm"),
    path("<uuid:pk>/cancel/", views.cancel, name="cancel"),
    path("<uuid:pk>/move/", views.move, name="move"),
    path("<uuid:pk>/no-show/", views.no_show, name="no_show"),
    path("<uuid:pk>/complete/", views.complete, name="complete"),
    path("<uuid:pk>/start/", views.start, name="start"),
]
