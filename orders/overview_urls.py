"""What a shop's days come to; the address is ``/vendors/<slug>/overview/``."""

from django.urls import path

from orders.views import overview

app_name = "overview"

urlpatterns = [path("", overview.overview, name="page")]
