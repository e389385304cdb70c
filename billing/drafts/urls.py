"""Drafts."""

from django.urls import URLPattern, path

from billing.drafts import views

urlpatterns: list[URLPattern] = [
    path("new/", views.new, name="new"),
    path("of-session/<uuid:session_pk>/", views.for_session, name="for_session"),
    path("of-visit/<uuid:visit_pk>/", views.draft_of_visit, name="draft_of_visit"),
    path("<uuid:pk>/edit/", views.edit, name="edit"),
    path("<uuid:pk>/price/", views.price_of_code, name="price_of_code"),
    path("<uuid:pk>/confirm-codes/", views.confirm_codes, name="confirm_codes"),
    path("<uuid:pk>/draft-again/", views.draft_again, name="draft_again"),
]
