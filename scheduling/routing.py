"""Addresses of the calendar's WebSocket."""

from django.urls import URLPattern, path

from scheduling.consumers import CalendarConsumer

websocket_urlpatterns: list[URLPattern] = [path("ws/calendar/", CalendarConsumer.as_asgi())]
