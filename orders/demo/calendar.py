"""When things happen in the demo: eighteen months that end this morning at seven."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import accumulate
from random import Random
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
DAYS = 548
CLOSES_AT = 7  # o'clock; until then the demo still ends the morning before
SATURDAY = 5

# How many of a day's orders are placed in each hour.
BY_HOUR = (10, 5, 3, 2, 2, 6, 14, 26, 40, 50, 58, 60, 62, 56, 52, 50, 54, 60, 68, 76, 84, 86, 62, 30)
SHARE_BEFORE_HOUR = (0.0, *(part / sum(BY_HOUR) for part in accumulate(BY_HOUR)))
THIS_MORNING = SHARE_BEFORE_HOUR[CLOSES_AT]
LENGTH = DAYS + THIS_MORNING  # of the demo's time, in days


@dataclass(frozen=True)
class Calendar:
    """The demo's time: the ``DAYS`` before ``today``, and today until seven, in Paris.

    It depends on the day only, so that whoever makes the demo twice on one day gets the same.
    """

    today: date

    @classmethod
    def of(cls, now: datetime) -> "Calendar":
        """The calendar in force at ``now``; nothing in it is ever later than that."""
        return cls((now.astimezone(PARIS) - timedelta(hours=CLOSES_AT)).date())

    @cached_property
    def midnights(self) -> Sequence[datetime]:
        """The beginning of each day, in UTC, today's last."""
        first = self.today - timedelta(days=DAYS)
        days = (first + timedelta(days=n) for n in range(DAYS + 1))
        return [datetime.combine(day, time(), PARIS).astimezone(UTC) for day in days]

    @property
    def opens_at(self) -> datetime:
        """When the shops opened here: a week before the first order."""
        return self.midnights[0] - timedelta(days=7)

    @property
    def closes_at(self) -> datetime:
        return self.midnights[-1] + timedelta(hours=CLOSES_AT)

    def moment(self, days: float) -> datetime:
        """Return the moment after ``days`` of the demo's ``LENGTH``, at an hour when people buy."""
        day = min(int(days), DAYS)
        share = min(days - day, 0.999999)
        hour = bisect_right(SHARE_BEFORE_HOUR, share) - 1
        within = (share - SHARE_BEFORE_HOUR[hour]) / (SHARE_BEFORE_HOUR[hour + 1] - SHARE_BEFORE_HOUR[hour])
        return self.midnights[day] + timedelta(seconds=int((hour + within) * 3600))

    def ago(self, days: float) -> datetime:
        """Return the moment ``days`` before the demo's end, at an hour when people buy."""
        return self.moment(LENGTH - days)

    def elapsed(self, moment: datetime) -> float:
        """Return about how much of the demo's time had passed at ``moment``, from 0 to 1."""
        return (moment - self.midnights[0]) / (self.closes_at - self.midnights[0])


def at_work(after: datetime, rng: Random, *, days: int = 0) -> datetime:
    """Return a moment of a shop's working hours, ``days`` working days after ``after``.

    With ``days`` 0 it is the same morning's work, or that of the next working day for what
    comes after ten.
    """
    local = after.astimezone(PARIS)
    day = local.date()
    if days == 0 and (local.hour >= 10 or day.weekday() >= SATURDAY):
        days = 1
    begins = 11 if days == 0 else 9
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < SATURDAY
    minutes = rng.randrange(begins * 60, 17 * 60)
    return datetime.combine(day, time(minutes // 60, minutes % 60, rng.randrange(60)), PARIS).astimezone(UTC)
