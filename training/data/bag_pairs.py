"""Which messages of two topics belong to one moment."""

from __future__ import annotations

import math
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

_WAITING = 60  # messages of a topic that wait for their counterpart: images, in memory


class Message(NamedTuple):
    """A message of a bag; ``seconds`` is its own stamp."""

    topic: str
    seconds: float
    content: Any


class Pair(NamedTuple):
    """Colour and depth of one moment."""

    colour: Message
    depth: Message

    @property
    def gap(self) -> float:
        """Seconds between them."""
        return abs(self.colour.seconds - self.depth.seconds)


def pair(messages: Iterable[Message], colour: str, max_gap: float, every: float) -> Iterator[Pair]:
    """Each depth with the colour image that is nearest in time.

    If the clock jumps back, as in merged bags or when a simulator restarts, a warning is given and
    a new sequence begins.

    Args:
        messages: of a colour topic and a depth topic, in the order of the bag.
        colour: name of the colour topic.
        max_gap: maximum seconds between their stamps.
        every: minimum seconds from one pair to the next.
    """
    film, newest = _Film(max_gap, every), -math.inf
    for message in messages:
        if message.seconds < newest - max(every, 1.0):
            warnings.warn(
                f"{message.topic}: stamps jump from {newest:.3f} s back to {message.seconds:.3f} s",
                stacklevel=2,
            )
            yield from film.rest()
            film, newest = _Film(max_gap, every), message.seconds
        newest = max(newest, message.seconds)
        yield from film.add(message, message.topic == colour)
    yield from film.rest()


class _Film:
    """A sequence of messages, with increasing stamps in each topic."""

    def __init__(self, max_gap: float, every: float) -> None:
        self._max_gap = max_gap
        self._every = every
        self._last = -math.inf  # seconds of the previous pair
        self._colours: deque[Message] = deque(maxlen=_WAITING)
        self._depths: deque[Message] = deque(maxlen=_WAITING)
        self._newest_colour = -math.inf

    def add(self, message: Message, is_colour: bool) -> Iterator[Pair]:
        """The pairs that this message makes certain: no later colour can be nearer."""
        if is_colour:
            self._colours.append(message)
            self._newest_colour = max(self._newest_colour, message.seconds)
        else:
            self._depths.append(message)
        return self._spaced()

    def rest(self) -> Iterator[Pair]:
        """The pairs that remain when there are no more messages."""
        self._newest_colour = math.inf
        return self._spaced()

    def _spaced(self) -> Iterator[Pair]:
        for found in self._certain():
            if found.colour.seconds - self._last >= self._every:
                self._last = found.colour.seconds
                yield found

    def _certain(self) -> Iterator[Pair]:
        while self._depths:
            depth = self._depths[0]
            nearest = min(
                (Pair(colour, depth) for colour in self._colours),
                key=lambda pair: pair.gap,
                default=None,
            )
            gap = math.inf if nearest is None else nearest.gap
            if gap and self._newest_colour < depth.seconds + min(gap, self._max_gap):
                return
            self._depths.popleft()
            if nearest is not None and gap <= self._max_gap:
                while self._colours.popleft() is not nearest.colour:
                    pass
                yield nearest
