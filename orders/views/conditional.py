"""A list that has not changed is not sent again.

The tag is made of all that the page shows, so that an answer 304 can never leave an old amount on
the screen; browsers keep no copy of their own (``no-store``), the open page asks with its tag.
"""

import re
from hashlib import sha256
from typing import cast

from django.http import HttpResponse
from django.utils.cache import get_conditional_response

from vendors.access import VendorRequest

# What differs each time though nothing has changed; two patterns are found quicker than one of both.
EACH_TIME = (re.compile(rb'name="csrfmiddlewaretoken" value="[^"]*"'), re.compile(rb'\?since=[^"]*'))


def unless_known(request: VendorRequest, response: HttpResponse) -> HttpResponse:
    """Name the page by an ETag; answer 304, without a body, to who has that very page.

    The person and the secret against forged forms are part of it: a page whose forms are void is no copy.
    """
    shown = response.content
    for what in EACH_TIME:
        shown = what.sub(b"", shown)
    whose = f"{request.user.pk} {request.META.get('CSRF_COOKIE', '')} ".encode()
    etag = f'"{sha256(whose + shown).hexdigest()[:32]}"'
    response.headers["ETag"] = etag
    return cast(HttpResponse, get_conditional_response(request, etag=etag, response=response))
