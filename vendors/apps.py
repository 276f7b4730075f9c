from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VendorsConfig(AppConfig):
    name = "vendors"
    verbose_name = _("Shops and people")

    def ready(self) -> None:
        from vendors import audit_sign_ins  # noqa: F401, I001  (they register themselves, in this order)
        from vendors import devices  # noqa: F401
