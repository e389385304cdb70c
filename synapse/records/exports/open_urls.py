"""The address a patient fetches their record from: no account, one link."""

from django.urls import path

from synapse.records.exports import open_views

app_name = "record"
urlpatterns = [path("<str:token>/", open_views.open_link, name="open")]
