"""Signing in and out, and a person's own account; what else allauth has is not open."""

from allauth.account import views
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from vendors.account_views import EmailView, SessionsView
from vendors.my_account import my_account

urlpatterns = [
    path("", my_account, name="account"),
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("password/reset/", views.password_reset, name="account_reset_password"),
    path("password/reset/done/", views.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("password/change/", views.password_change, name="account_change_password"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("email/", EmailView.as_view(), name="account_email"),
    path("confirm-email/", views.email_verification_sent, name="account_email_verification_sent"),
    re_path(r"^confirm-email/(?P<key>[-:\w]+)/$", views.confirm_email, name="account_confirm_email"),
    path("2fa/", include("allauth.mfa.urls")),
    path("sessions/", SessionsView.as_view(), name="usersessions_list"),
    # allauth names this address in places; nobody signs up by themselves.
    path("signup/", RedirectView.as_view(pattern_name="account_login"), name="account_signup"),
]
