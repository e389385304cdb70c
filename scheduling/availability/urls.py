"""Addresses of the settings about hours, rooms, holidays, time off and lengths of visits."""

from django.urls import path

from scheduling.availability import views

app_name = "availability"
urlpatterns = [
    path("", views.start, name="start"),
    path("hours/<uuid:doctor_pk>/", views.hours, name="hours"),
    path("hours/<uuid:doctor_pk>/clear/", views.clear_hours, name="clear_hours"),
    path("time-off/", views.time_off, name="time_off"),
    path("time-off/<uuid:pk>/remove/", views.remove_time_off, name="remove_time_off"),
    path("holidays/", views.holidays, name="holidays"),
    path("holidays/import/", views.import_holidays, name="import_holidays"),
    path("holidays/<uuid:pk>/", views.change_holiday, name="change_holiday"),
    path("rooms/", views.room_list, name="rooms"),
    path("rooms/<uuid:pk>/", views.change_room, name="change_room"),
    path("lengths/", views.lengths, name="lengths"),
]
