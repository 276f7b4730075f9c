"""The door, and a person's own choices."""

from django.urls import path

from vendors import invitation_views, views

urlpatterns = [
    path("", views.home, name="home"),
    path("language/", views.choose_language, name="choose_language"),
    path("accessibility/", views.accessibility, name="accessibility"),
    path("invitations/<str:secret>/", invitation_views.invitation, name="invitation"),
]
