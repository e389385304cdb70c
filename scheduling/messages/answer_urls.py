"""The address behind a link in a message about a visit: no account, one link."""

from django.urls import path

from scheduling.messages import answer_views

app_name = "visit"
urlpatterns = [path("<str:token>/", answer_views.answer, name="answer")]
