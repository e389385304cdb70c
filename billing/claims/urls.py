"""Insurers, claims and superbills."""

from django.urls import URLPattern, path

from billing.claims import payer_views, step_views, superbill_views, views

urlpatterns: list[URLPattern] = [
    path("claims/", views.claim_list, name="claims"),
    path("claims/batch/", views.batch, name="claim_batch"),
    path("claims/<uuid:pk>/", views.claim, name="claim"),
    path("claims/<uuid:pk>/edit/", views.edit, name="claim_edit"),
    path("claims/<uuid:pk>/fill/", views.fill, name="claim_fill"),
    path("claims/<uuid:pk>/send/", step_views.send, name="claim_send"),
    path("claims/<uuid:pk>/accept/", step_views.accept, name="claim_accept"),
    path("claims/<uuid:pk>/deny/", step_views.deny, name="claim_deny"),
    path("claims/<uuid:pk>/paid/", step_views.paid, name="claim_paid"),
    path("claims/<uuid:pk>/take-back/", step_views.take_back, name="claim_take_back"),
    path("claims/<uuid:pk>/resubmit/", views.resubmit, name="claim_resubmit"),
    path("claims/<uuid:pk>/withdraw/", views.withdraw, name="claim_withdraw"),
    path("claims/<uuid:pk>/sheet/", views.data_sheet, name="claim_sheet"),
    path("insurers/", payer_views.payer_list, name="payers"),
    path("insurers/new/", payer_views.new, name="payer_new"),
    path("insurers/<uuid:pk>/", payer_views.edit, name="payer"),
    path("<uuid:pk>/insurer/", payer_views.of_bill, name="payer_of_bill"),
    path("<uuid:pk>/claim/", views.prepare, name="claim_prepare"),
    path("<uuid:pk>/verify-insurance/", views.verify_insurance, name="verify_insurance"),
    path("<uuid:pk>/superbill/", superbill_views.of_bill, name="superbill"),
    path("superbill/<uuid:patient_pk>/", superbill_views.of_patient, name="superbill_of_patient"),
]
