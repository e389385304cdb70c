"""The address behind a link in an offer: no account, one time."""

from django.urls import path

from scheduling.waiting import offer_views

app_name = "offer"
urlpatterns = [path("<str:token>/", offer_views.open_offer, name="open")]
