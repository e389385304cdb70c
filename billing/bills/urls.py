"""One bill."""

from django.urls import URLPattern, path

from billing.bills import views

urlpatterns: list[URLPattern] = [
    path("<uuid:pk>/", views.detail, name="detail"),
]
