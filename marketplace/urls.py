"""A table of contents."""

from django.contrib import admin
from django.urls import include, path

from marketplace.views import healthz

urlpatterns = [
    path("", include("vendors.urls")),
    path("vendors/<slug:slug>/orders/", include("orders.urls")),
    path("vendors/<slug:slug>/overview/", include("orders.overview_urls")),
    path("vendors/<slug:slug>/customers/", include("orders.customer_urls")),
    path("vendors/<slug:slug>/products/", include("orders.product_urls")),
    path("vendors/<slug:slug>/documents/", include("orders.document_urls")),
    path("vendors/<slug:slug>/my-list/", include("orders.preference_urls")),
    path("vendors/<slug:slug>/", include("vendors.shop_urls")),
    path("accounts/", include("vendors.account_urls")),
    path("admin/", admin.site.urls),
    path("webhooks/", include("orders.webhook_urls")),
    path("styleguide/", include("orders.styleguide_urls")),
    path("healthz", healthz, name="healthz"),
]

handler400 = "marketplace.views.bad_request"
handler429 = "vendors.account_views.too_many_requests"  # allauth's
handler500 = "vendors.views.server_error"
