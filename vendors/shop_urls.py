"""A shop's own settings; every address begins with ``/vendors/<slug>/``."""

from django.urls import path

from vendors import identity_views, shop_views

app_name = "shop"

urlpatterns = [
    path("settings/", shop_views.shop_settings, name="settings"),
    path("identity/", identity_views.identity, name="identity"),
    path("identity/mandate/", identity_views.mandate, name="mandate"),
    path("my-mails/", shop_views.mail_wishes, name="mail_wishes"),
]
