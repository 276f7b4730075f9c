"""The design system, for developers."""

from django.urls import path

from orders.views import styleguide

urlpatterns = [path("", styleguide.styleguide, name="styleguide")]
