"""What one patient owes."""

from django.urls import URLPattern, path

from billing.accounts import views

urlpatterns: list[URLPattern] = [
    path("for-patient/<uuid:patient_pk>/", views.for_patient, name="for_patient"),
    path("account/<uuid:patient_pk>/", views.account, name="account"),
    path("account/<uuid:patient_pk>/pay-out/", views.pay_out, name="pay_out"),
]
