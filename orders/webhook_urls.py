"""Where storefronts report; no page of a shop."""

from django.urls import path

from orders.views import webhooks

# Also without the slash, since a redirect would lose the body.
urlpatterns = [
    path("woocommerce/<str:source>/", webhooks.woocommerce, name="woocommerce_webhook"),
    path("woocommerce/<str:source>", webhooks.woocommerce, name="woocommerce_webhook_bare"),
]
