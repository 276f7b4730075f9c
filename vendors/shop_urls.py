"""A shop's own settings; every address begins with ``/vendors/<slug>/``."""

from django.urls import path

from vendors import identity_views, shop_views, team_views

app_name = "shop"

urlpatterns = [
    path("settings/", shop_views.shop_settings, name="settings"),
    path("identity/", identity_views.identity, name="identity"),
    path("identity/mandate/", identity_views.mandate, name="mandate"),
    path("my-mails/", shop_views.mail_wishes, name="mail_wishes"),
    path("team/", team_views.team_page, name="team"),
    path("team/invite/", team_views.invite, name="invite"),
    path("team/leave/", team_views.leave, name="leave"),
    path("team/invitations/<int:pk>/again/", team_views.resend_invitation, name="resend_invitation"),
    path("team/invitations/<int:pk>/withdraw/", team_views.revoke_invitation, name="revoke_invitation"),
    path("team/members/<int:pk>/role/", team_views.change_role, name="change_role"),
    path("team/members/<int:pk>/remove/", team_views.remove_member, name="remove_member"),
]
