"""The addresses of the patient's own pages: behind the link to a question, and the tablet in the room."""

from django.urls import path

from patients.consents import answer_views, tablet_views

app_name = "consent"
urlpatterns = [
    path("tablet/<str:token>/", tablet_views.tablet, name="tablet"),
    path("tablet/<str:token>/keep/", tablet_views.keep, name="tablet_keep"),
    path("<str:token>/", answer_views.answer, name="answer"),
    path("<str:token>/copy/", answer_views.copy, name="answer_copy"),
]
