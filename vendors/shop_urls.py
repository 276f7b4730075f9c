"""A shop's own settings; every address begins with ``/vendors/<slug>/``."""

from django.urls import path

from vendors import shop_views

app_name = "shop"

urlpatterns = [
    path("settings/", shop_views.shop_settings, name="settings"),
    path("my-mails/", shop_views.mail_wishes, name="mail_wishes"),
]
