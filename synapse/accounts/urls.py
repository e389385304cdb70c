"""Addresses of sign-in, settings and people."""

from django.urls import path

from synapse.accounts import lock_views, people_views, views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("lock/", lock_views.lock, name="lock"),
    path("lock/active/", lock_views.active, name="active"),
    path("unlock/", lock_views.unlock, name="unlock"),
    path("password/forgot/", views.forgot_password, name="forgot_password"),
    path("password/new/", views.reset_password, name="reset_password"),
    path("password/new/<str:uid>/<str:token>/", views.open_reset, name="open_reset"),
    path("join/<str:token>/", views.join, name="join"),
    path("settings/", views.profile, name="profile"),
    path("settings/logo/", views.logo, name="logo"),
    path("settings/logo/remove/", views.remove_logo, name="remove_logo"),
    path("settings/security/", views.security, name="security"),
    path("settings/notifications/", views.notifications, name="notifications"),
    path("settings/clinic/", people_views.clinic, name="clinic"),
    path("people/", people_views.people_list, name="people"),
    path("people/invite/", people_views.invite, name="invite"),
    path("people/invitations/<uuid:pk>/revoke/", people_views.revoke_invitation, name="revoke_invitation"),
    path("people/<uuid:pk>/role/", people_views.change_role, name="change_role"),
    path("people/<uuid:pk>/deactivate/", people_views.deactivate, name="deactivate"),
    path("people/<uuid:pk>/reactivate/", people_views.reactivate, name="reactivate"),
]
