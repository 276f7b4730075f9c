"""A shop's products and their stock; every address begins with ``/vendors/<slug>/products/``."""

from django.urls import path

from orders.views import products

app_name = "products"

urlpatterns = [
    path("", products.product_list, name="list"),
    path("<int:pk>/", products.product_detail, name="detail"),
    path("<int:pk>/count/", products.count_product, name="count"),
]
