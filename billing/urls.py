"""Addresses of this app."""

from django.urls import path

from billing import views

app_name = "billing"
urlpatterns = [
    path("", views.bill_list, name="list"),
    path("for-patient/<uuid:patient_pk>/", views.for_patient, name="for_patient"),
    path("<uuid:pk>/", views.detail, name="detail"),
    path("<uuid:pk>/edit/", views.edit, name="edit"),
    path("<uuid:pk>/send/", views.send, name="send"),
    path("<uuid:pk>/payment/", views.pay, name="pay"),
    path("<uuid:pk>/refund/", views.refund, name="refund"),
    path("<uuid:pk>/cancel/", views.cancel, name="cancel"),
    path("<uuid:pk>/draft-again/", views.draft_again, name="draft_again"),
    path("<uuid:pk>/pdf/", views.pdf, name="pdf"),
]
