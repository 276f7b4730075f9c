"""What: orders and everything that follows from one; one subject a file."""

from orders.models.bulk import BulkAction, BulkItem, BulkJob
from orders.models.customers import Customer
from orders.models.documents import DeliveryNote, Document, DocumentKind, DocumentSeries, ExchangeRate
from orders.models.exports import ExportLog
from orders.models.fulfillment import Carrier, Shipment, ShipmentLine
from orders.models.history import HistoryEntry, HistoryKind, Note, StatusChange
from orders.models.intake import Source, SourceVendor
from orders.models.orders import LineKind, Order, OrderLine, OrderNameStart
from orders.models.refunds import Refund, RefundLine, RefundProgress
from orders.models.stock import StockMovement

__all__ = [
    "BulkAction",
    "BulkItem",
    "BulkJob",
    "Carrier",
    "Customer",
    "DeliveryNote",
    "Document",
    "DocumentKind",
    "DocumentSeries",
    "ExchangeRate",
    "ExportLog",
    "HistoryEntry",
    "HistoryKind",
    "LineKind",
    "Note",
    "Order",
    "OrderLine",
    "OrderNameStart",
    "Refund",
    "RefundLine",
    "RefundProgress",
    "Shipment",
    "ShipmentLine",
    "Source",
    "SourceVendor",
    "StatusChange",
    "StockMovement",
]
