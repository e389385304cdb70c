"""Payments and corrections."""

from django.urls import URLPattern, path

from billing.paying import correcting_views, views
from billing.payment_links import views as payment_link_views

urlpatterns: list[URLPattern] = [
    path("<uuid:pk>/payment/", views.pay, name="pay"),
    path("<uuid:pk>/credit/", views.use_credit, name="use_credit"),
    path("entries/<uuid:pk>/reverse/", views.reverse_entry, name="reverse_entry"),
    path("<uuid:pk>/refund/", correcting_views.refund, name="refund"),
    path("<uuid:pk>/adjust/", correcting_views.adjust, name="adjust"),
    path("<uuid:pk>/write-off/", correcting_views.write_off, name="write_off"),
    path("<uuid:pk>/cancel/", correcting_views.cancel, name="cancel"),
    path("<uuid:pk>/payment-link/", payment_link_views.make, name="make_payment_link"),
    path("<uuid:pk>/payment-link/withdraw/", payment_link_views.withdraw, name="withdraw_payment_link"),
    path("<uuid:pk>/payment-link/<uuid:link_pk>/seen/", payment_link_views.settle, name="settle_payment_link"),
    path("payments/<uuid:pk>/", views.payment, name="payment"),
    path("payments/<uuid:pk>/reverse/", views.reverse_payment, name="reverse_payment"),
]
