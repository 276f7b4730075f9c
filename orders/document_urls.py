"""A shop's issued documents; every address begins with ``/vendors/<slug>/documents/``."""

from django.urls import path

from orders.views import document_list

app_name = "documents"

urlpatterns = [
    path("", document_list.document_list, name="list"),
    path("originals/", document_list.originals, name="originals"),
]
