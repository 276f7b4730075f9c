"""What: orders and everything that follows from one; one subject a file."""

from orders.models.bulk import BulkAction, BulkItem, BulkJob
from orders.models.customers import Customer
from orders.models.documents import DeliveryNote, Document, DocumentKind, DocumentSeries, ExchangeRate
from orders.models.exports import ExportLog
from orders.models.figures import OrderFigures, StaleFigures
from orders.models.fulfillment import Carrier, Shipment, ShipmentLine
from orders.models.history import HistoryEntry, HistoryKind, Note, StatusChange
from orders.models.intake import (
    Delivery,
    DeliveryState,
    ReportedOrder,
    Source,
    SourceVendor,
    UnknownVendors,
)
from orders.models.orders import LineKind, Order, OrderLine, OrderNameStart
from orders.models.problems import CannotTake, Problem
from orders.models.refunds import Refund, RefundLine, RefundProgress
from orders.models.stock import StockMovement
from orders.models.storefront import Answer, ReconcileRun, Trouble
from orders.models.tally import Tally

__all__ = [
    "Answer",
    "BulkAction",
    "BulkItem",
    "BulkJob",
    "CannotTake",
    "Carrier",
    "Customer",
    "Delivery",
    "DeliveryNote",
    "DeliveryState",
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
    "OrderFigures",
    "OrderLine",
    "OrderNameStart",
    "Problem",
    "ReconcileRun",
    "Refund",
    "RefundLine",
    "RefundProgress",
    "ReportedOrder",
    "Shipment",
    "ShipmentLine",
    "Source",
    "SourceVendor",
    "StaleFigures",
    "StatusChange",
    "StockMovement",
    "Tally",
    "Trouble",
    "UnknownVendors",
]
