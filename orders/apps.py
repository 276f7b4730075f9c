from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = _("Orders")

    def ready(self) -> None:
        from orders.models.figure_triggers import keep_figures
        from orders.models.tally_triggers import keep_tally, make_way

        pre_migrate.connect(make_way, sender=self)
        post_migrate.connect(keep_tally, sender=self)
        post_migrate.connect(keep_figures, sender=self)
