from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    name = "marketplace"

    def ready(self) -> None:
        from marketplace import append_only, checks, queue  # noqa: F401  (they register themselves)
