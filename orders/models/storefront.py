"""What goes back to a storefront, and what came of asking it."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Exists, ExpressionWrapper, OuterRef, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from orders.models.fulfillment import Shipment
from orders.models.history import Note
from orders.models.intake import Source
from orders.models.orders import Order
from orders.models.refunds import Refund
from orders.states import OrderStatus


class Trouble(models.TextChoices):
    """Why a storefront did not do what it was asked; a sentence with its name and what it said."""

    UNREACHABLE = "unreachable", _("%(storefront)s cannot be reached: %(said)s.")
    SILENT = "silent", _("%(storefront)s did not answer in time.")
    BROKEN = "broken", _("%(storefront)s answered with an error of its own: %(said)s.")
    UNREADABLE = "unreadable", _("The answer of %(storefront)s cannot be read: %(said)s.")
    TOO_MANY = "too_many", _("%(storefront)s asks to wait: too many requests.")
    KEYS = "keys", _("%(storefront)s does not accept the REST keys: %(said)s.")
    NO_API = "no_api", _("There is no WooCommerce REST API at the address of %(storefront)s: %(said)s.")
    ADDRESS = "address", _("The REST address of %(storefront)s may not be asked: %(said)s.")
    GONE = "gone", _("%(storefront)s does not have this order any more: %(said)s.")
    REFUSED = "refused", _("%(storefront)s refused: %(said)s.")


class AnswerQuerySet(models.QuerySet["Answer"]):
    def with_followers(self) -> Self:
        """Say of each in ``is_followed`` whether a later status, or refund, of its order takes its place."""
        status, refund = Answer.Kind.STATUS, Answer.Kind.REFUND
        statuses = Answer.objects.filter(order=OuterRef("order"), kind=status, id__gt=OuterRef("id"))
        refunds = Refund.objects.filter(order=OuterRef("order"), id__gt=OuterRef("refund"))
        is_followed = Q(Exists(statuses), kind=status) | Q(Exists(refunds), kind=refund)
        return self.annotate(is_followed=ExpressionWrapper(is_followed, models.BooleanField()))

    def open(self) -> Self:
        """What the storefront has not taken yet and still should, whatever the reason.

        A status that it did not take is over once a later one was to be told; a refused refund
        once there is a later one, asked for here or made there.
        """
        over = Q()
        for kind, states in Answer.OVER_ONCE_FOLLOWED.items():
            over |= Q(kind=kind, state__in=states, is_followed=True)
        return self.with_followers().exclude(state=Answer.State.DONE).exclude(over)

    def in_trouble(self) -> Self:
        """What somebody should look at: refused, given up, or waiting for another attempt."""
        return self.open().exclude(trouble="")


class Answer(models.Model):
    """A step taken here that the order's storefront has to hear of.

    A row in the transaction of the step, sent by the worker, the oldest of an order first.
    ``cause`` names the step and is unique. ``tried_at`` is when it was last sent, whatever
    came of it; until ``claimed_until`` a worker is at it. ``said`` is the storefront's part of
    the sentence for ``trouble``; ``external_id`` is the storefront's id of the note or refund.
    """

    class Kind(models.TextChoices):
        STATUS = "status", _("Status")
        PARCEL = "parcel", _("Parcel")
        NOTE = "note", _("Note to the customer")
        PICKUP = "pickup", _("Ready for pickup")
        REFUND = "refund", _("Refund")

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Received by the storefront")
        REFUSED = "refused", _("Refused by the storefront")
        GIVEN_UP = "given_up", _("Given up")

    OVER_ONCE_FOLLOWED: ClassVar[dict[str, tuple[str, ...]]] = {
        Kind.STATUS: (State.REFUSED, State.GIVEN_UP),
        Kind.REFUND: (State.REFUSED,),
    }

    order = models.ForeignKey(Order, models.PROTECT, related_name="answers", verbose_name=_("order"))
    kind = models.CharField(_("what"), max_length=6, choices=Kind)
    cause = models.CharField(_("cause"), max_length=60, unique=True)
    status = models.CharField(_("status"), max_length=10, choices=OrderStatus, blank=True)
    shipment = models.ForeignKey(
        Shipment, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("parcel")
    )
    note = models.ForeignKey(
        Note, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("note")
    )
    refund = models.ForeignKey(
        Refund, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("refund")
    )
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    asked_at = models.DateTimeField(_("asked at"))
    tried_at = models.DateTimeField(_("last tried at"), null=True, blank=True)
    next_try_at = models.DateTimeField(_("not before"))
    claimed_until = models.DateTimeField(_("being sent until"), null=True, blank=True)
    answered_at = models.DateTimeField(_("received at"), null=True, blank=True)
    trouble = models.CharField(_("trouble"), max_length=11, choices=Trouble, blank=True)
    said = models.CharField(_("storefront's words"), max_length=500, blank=True)
    external_id = models.CharField(_("storefront's id"), max_length=60, blank=True)

    objects = AnswerQuerySet.as_manager()

    class Meta:
        verbose_name = _("answer to a storefront")
        verbose_name_plural = _("answers to storefronts")
        ordering = ["id"]
        indexes = [
            models.Index(fields=["order", "state", "id"], name="answer_by_order"),
            models.Index(fields=["state", "tried_at"], name="answer_by_state"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "done", "refused", "given_up"]), name="answer_state_known"
            ),
            models.CheckConstraint(
                condition=Q(kind="status", shipment=None, note=None, refund=None) & ~Q(status="")
                | Q(kind="pickup", shipment=None, note=None, refund=None, status="")
                | Q(kind="parcel", shipment__isnull=False)
                | Q(kind="note", note__isnull=False)
                | Q(kind="refund", refund__isnull=False),
                name="answer_has_its_subject",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order}: {self.what}"

    @property
    def what(self) -> str:
        """What the storefront is told, in a word or two."""
        return str(self.get_status_display() if self.kind == self.Kind.STATUS else self.get_kind_display())

    @property
    def why(self) -> str:
        """Why it has not arrived, in a sentence; empty without trouble."""
        if not self.trouble:
            return ""
        return str(Trouble(self.trouble).label) % {"storefront": self.order.source, "said": self.said}

    @property
    def may_be_there(self) -> bool:
        """Whether the storefront may have it: it was sent, or a worker was ended while it was at it."""
        return self.tried_at is not None or self.attempts > 1

    @property
    def may_be_sent_again(self) -> bool:
        """Whether another round may do any good, and no harm.

        A refused refund is over: its amount is free, and the refund may be asked for anew. A
        status is over once a later one was to be told: it would undo that one at the storefront.
        """
        match self.kind, self.state:
            case _, self.State.DONE:
                return False
            case self.Kind.REFUND, state:
                return state != self.State.REFUSED
            case self.Kind.STATUS, _:
                return not self.is_followed
        return True

    @property
    def is_over(self) -> bool:
        """What was not taken need not be any more: a status or a refused refund with a later one."""
        return self.state in self.OVER_ONCE_FOLLOWED.get(self.kind, ()) and self.is_followed

    @cached_property
    def is_followed(self) -> bool:
        """Whether a later status, or refund, takes its place; ``with_followers`` asks it of many at once."""
        return Answer.objects.filter(pk=self.pk).with_followers().filter(Q(is_followed=True)).exists()


class ReconcileRunQuerySet(models.QuerySet["ReconcileRun"]):
    def compared_until(self) -> datetime | None:
        """Until when all of a storefront's history was compared; None where it never was."""
        done = self.filter(is_gapless=True, finished_at__isnull=False, problem="")
        return done.order_by("-started_at").values_list("started_at", flat=True).first()


class ReconcileRun(models.Model):
    """One comparison with a storefront: how far it is, and how much differed.

    ``since`` is None where the whole history is loaded. ``is_gapless`` says that it reaches back
    to where all before had been compared: once it is finished, nothing before it began was left
    out. ``passed`` is how many orders were taken, the last one ``last_id``, so that a run which
    was killed goes on from there. ``counts`` holds how many orders were created, changed,
    unchanged, skipped, set aside and not told wholly, and under ``field:<name>`` how many
    differed in a field. ``differences`` names the first of them, ``[{"order", "fields"}]``:
    codes, amounts and the storefront's words for its own trouble. ``problem`` is the sentence
    that stopped it.
    """

    source = models.ForeignKey(
        Source, models.PROTECT, related_name="reconcile_runs", verbose_name=_("storefront")
    )
    since = models.DateTimeField(_("changes since"), null=True, blank=True)
    is_gapless = models.BooleanField(_("leaves nothing out before it"), default=False)
    started_at = models.DateTimeField(_("started at"))
    continued_at = models.DateTimeField(_("last went on at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    passed = models.PositiveIntegerField(_("orders compared"), default=0)
    last_id = models.PositiveBigIntegerField(_("last order's id"), default=0)
    total = models.PositiveIntegerField(_("orders to compare"), default=0)
    differed = models.PositiveIntegerField(_("orders that differed"), default=0)
    counts = models.JSONField(_("counts"), default=dict, blank=True)
    differences = models.JSONField(_("differences"), default=list, blank=True)
    unheard = models.PositiveIntegerField(_("steps the storefront has not taken"), default=0)
    problem = models.CharField(_("stopped by"), max_length=700, blank=True)

    objects = ReconcileRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        indexes = [models.Index(fields=["source", "-started_at"], name="reconcile_by_source")]

    def __str__(self) -> str:
        return f"{self.source} {self.started_at:%Y-%m-%d %H:%M}"
