"""What a person keeps about the order list; every address begins with ``/vendors/<slug>/my-list/``."""

from django.urls import path

from orders.views import saved_views

app_name = "mine"

urlpatterns = [
    path("", saved_views.landing, name="landing"),
    path("views/", saved_views.saved_views, name="views"),
    path("views/<int:pk>/", saved_views.change_view, name="change_view"),
    path("display/", saved_views.choose_display, name="display"),
    path("keys/", saved_views.keys, name="keys"),
]
