"""The list of bills, work with several at once, and the day close."""

from django.urls import URLPattern, path

from billing.day_close import views as day_close_views
from billing.desk import batch_views, views
from billing.exports import views as export_views

urlpatterns: list[URLPattern] = [
    path("", views.bill_list, name="list"),
    path("find/", views.find, name="find"),
    path("unbilled/", views.unbilled, name="unbilled"),
    path("batch/", batch_views.start, name="batch"),
    path("batch/<uuid:pk>/", batch_views.report, name="batch_report"),
    path("batch/<uuid:pk>/statements/<int:part>/", batch_views.statements, name="batch_statements"),
    path("day-close/", day_close_views.sheet, name="day_close"),
    path("day-close/<uuid:pk>/", day_close_views.detail, name="day_close_detail"),
    path("export/", export_views.choose, name="exports"),
    path("export/bills/", export_views.bills, name="export_bills"),
    path("export/payments/", export_views.payments, name="export_payments"),
    path("export/journal/", export_views.journal, name="export_journal"),
    path("export/accounts/", export_views.accounts, name="accounts"),
]
