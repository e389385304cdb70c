"""Documents and sending them."""

from django.urls import URLPattern, path

from billing.documents import views

urlpatterns: list[URLPattern] = [
    path("<uuid:pk>/send/", views.send, name="send"),
    path("<uuid:pk>/pdf/", views.pdf, name="pdf"),
    path("receipts/<uuid:pk>/pdf/", views.receipt, name="receipt"),
    path("receipts/<uuid:pk>/send/", views.send_receipt, name="send_receipt"),
    path("statements/<uuid:patient_pk>/", views.statement_page, name="statement"),
    path("statements/<uuid:patient_pk>/pdf/", views.statement_pdf, name="statement_pdf"),
    path("statements/<uuid:patient_pk>/send/", views.send_statement, name="send_statement"),
    path("messages/<uuid:pk>/pdf/", views.letter, name="letter"),
    path("messages/<uuid:pk>/again/", views.send_again, name="send_again"),
    path("links/<uuid:pk>/end/", views.revoke_link, name="revoke_link"),
]
