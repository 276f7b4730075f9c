from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VendorsConfig(AppConfig):
    name = "vendors"
    verbose_name = _("Shops and people")

    def ready(self) -> None:
        from vendors import audit_sign_ins  # noqa: F401  (it registers itself)
