"""Where a payment provider reports: no account, a signature."""

from django.urls import path

from billing.payment_links import views

app_name = "payment_events"
urlpatterns = [path("<slug:provider>/", views.event, name="event")]
