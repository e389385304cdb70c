"""Addresses of this app."""

from django.urls import include, path

from scheduling.calendar import views as calendar_views
from scheduling.feeds import views as feed_views
from scheduling.messages import views as message_views
from scheduling.series import views as series_views
from scheduling.visits import booking_views
from scheduling.visits import views as visit_views

app_name = "scheduling"
urlpatterns = [
    path("", calendar_views.calendar, name="calendar"),
    path("revision/", calendar_views.revision, name="revision"),
    path("print/", calendar_views.print_list, name="print"),
    path("new/", booking_views.book, name="book"),
    path("new/patients/", booking_views.find_patient, name="find_patient"),
    path("new/free/", booking_views.free_times, name="free_times"),
    path("for-patient/<uuid:patient_pk>/", calendar_views.for_patient, name="for_patient"),
    path("messages/for-patient/<uuid:patient_pk>/", message_views.for_patient, name="messages_for_patient"),
    path("messages/for-patient/<uuid:patient_pk>/preference/", message_views.set_preference, name="set_preference"),
    path("messages/<uuid:pk>/again/", message_views.send_again, name="send_again"),
    path("series/new/", series_views.new, name="series_new"),
    path("series/<uuid:pk>/", series_views.detail, name="series_detail"),
    path("series/<uuid:pk>/extend/", series_views.extend, name="series_extend"),
    path("series/<uuid:pk>/let-end/", series_views.let_end, name="series_let_end"),
    path("waiting/", include("scheduling.waiting.urls")),
    path("feed/<str:token>.ics", feed_views.read, name="feed"),
    path("<uuid:pk>/", calendar_views.detail, name="detail"),
    path("<uuid:pk>/series/", series_views.change, name="series_change"),
    path("<uuid:pk>/messages/", message_views.for_visit, name="visit_messages"),
    path("<uuid:pk>/remind/", message_views.send_reminder, name="send_reminder"),
    path("<uuid:pk>/settle-request/", message_views.settle_request, name="settle_request"),
    path("<uuid:pk>/confirm/", visit_views.confirm, name="confirm"),
    path("<uuid:pk>/cancel/", visit_views.cancel, name="cancel"),
    path("<uuid:pk>/move/", visit_views.move, name="move"),
    path("<uuid:pk>/no-show/", visit_views.no_show, name="no_show"),
    path("<uuid:pk>/complete/", visit_views.complete, name="complete"),
    path("<uuid:pk>/edit/", visit_views.edit, name="edit"),
    path("<uuid:pk>/insurance/", visit_views.insurance, name="insurance"),
    path("<uuid:pk>/undo/", visit_views.undo, name="undo"),
    path("<uuid:pk>/restore/", visit_views.restore, name="restore"),
    path("<uuid:pk>/start/", visit_views.start, name="start"),
]
