"""The clinic's settings of what patients are asked."""

from django.urls import path

from patients.consents import text_views

app_name = "consent_texts"
urlpatterns = [
    path("", text_views.text_list, name="list"),
    path("<slug:kind>/<slug:language>/", text_views.text_edit, name="edit"),
]
