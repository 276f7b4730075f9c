"""Who buys from a shop; every address begins with ``/vendors/<slug>/customers/``."""

from django.urls import path

from orders.views import customers

app_name = "customers"

urlpatterns = [
    path("", customers.customer_list, name="list"),
    path("<int:pk>/", customers.customer_detail, name="detail"),
]
