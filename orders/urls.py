"""A shop's orders; every address begins with ``/vendors/<slug>/orders/``."""

from django.urls import path

from orders.views import (
    bulk,
    bulk_job,
    buyer,
    documents,
    downloads,
    exports,
    order_detail,
    order_list,
    parcels,
    set_aside,
    steps,
    storefront,
    suggestions,
    undoing,
    validating,
)

app_name = "orders"

urlpatterns = [
    path("", order_list.order_list, name="list"),
    path("customers/", suggestions.customers, name="customers"),
    path("news/", suggestions.news, name="news"),
    path("export.csv", exports.export_csv, name="export_csv"),
    path("export.xlsx", exports.export_xlsx, name="export_xlsx"),
    path("bulk/", bulk.start_bulk, name="start_bulk"),
    path("bulk/<int:pk>/", bulk_job.bulk_job, name="bulk"),
    path("bulk/<int:pk>/undo/", undoing.undo_bulk, name="undo_bulk"),
    path("bulk/<int:pk>/notes.pdf", downloads.notes_pdf, name="bulk_notes"),
    path("bulk/<int:pk>/originals.zip", downloads.originals_zip, name="bulk_originals"),
    path("set-aside/", set_aside.set_aside, name="set_aside"),
    path("<str:number>/", order_detail.order_detail, name="detail"),
    path("<str:number>/validate/", validating.validate_order, name="validate"),
    path("<str:number>/undo/", validating.undo_validation, name="undo_validation"),
    path("<str:number>/steps/<slug:step>/", steps.step, name="step"),
    path("<str:number>/invoice.pdf", documents.invoice_pdf, name="invoice_pdf"),
    path("<str:number>/invoice/", documents.issue, name="issue_invoice"),
    path(
        "<str:number>/invoices/<str:document>.pdf", documents.earlier_invoice_pdf, name="earlier_invoice_pdf"
    ),
    path("<str:number>/credit-notes/<str:document>.pdf", documents.credit_note_pdf, name="credit_note_pdf"),
    path("<str:number>/documents/<str:document>/send/", documents.send, name="send_document"),
    path("<str:number>/buyer/", buyer.buyer, name="buyer"),
    path("<str:number>/correct-invoice/", buyer.correct, name="correct_invoice"),
    path("<str:number>/delivery-note.pdf", documents.delivery_note_pdf, name="delivery_note_pdf"),
    path("<str:number>/delivery-notes/<str:document>.pdf", documents.issued_note_pdf, name="issued_note_pdf"),
    path("<str:number>/ship/", parcels.ship_order, name="ship"),
    path("<str:number>/parcels/<int:parcel>/", parcels.parcel, name="parcel"),
    path("<str:number>/ready/", parcels.make_ready, name="ready"),
    path("<str:number>/hand-over/", parcels.hand_over_order, name="hand_over"),
    path("<str:number>/refund/", steps.refund, name="refund"),
    path("<str:number>/cancel-and-refund/", steps.stop_and_refund, name="stop_and_refund"),
    path("<str:number>/note/", steps.note, name="note"),
    path("<str:number>/storefront/", storefront.send_order_again, name="send_again"),
]
