"""What every template may say."""

from django.conf import settings
from django.http import HttpRequest


def marketplace(request: HttpRequest) -> dict[str, str]:
    """The marketplace's name, a setting."""
    return {"marketplace_name": settings.MARKETPLACE_NAME}
