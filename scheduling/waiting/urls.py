"""Addresses of the waiting list, under the calendar's."""

from django.urls import path

from scheduling.waiting import slot_views, views

urlpatterns = [
    path("", views.waiting_list, name="waiting_list"),
    path("side/", views.waiting_side, name="waiting_side"),
    path("new/", views.waiting_add, name="waiting_add"),
    path("new/for-visit/<uuid:pk>/", views.come_earlier, name="come_earlier"),
    path("<uuid:pk>/edit/", views.waiting_edit, name="waiting_edit"),
    path("<uuid:pk>/remove/", views.waiting_remove, name="waiting_remove"),
    path("<uuid:pk>/put-back/", views.waiting_put_back, name="waiting_put_back"),
    path("free/", slot_views.freed_slots, name="freed_slots"),
    path("free/new/", slot_views.slot_new, name="slot_new"),
    path("free/<uuid:pk>/", slot_views.slot, name="slot"),
    path("free/<uuid:pk>/offer/", slot_views.offer, name="offer"),
    path("free/<uuid:pk>/leave/", slot_views.leave_open, name="leave_open"),
    path("free/<uuid:pk>/stop/", slot_views.stop_going_on, name="stop_going_on"),
    path("offers/<uuid:pk>/withdraw/", slot_views.withdraw, name="withdraw_offer"),
]
