"""Synthetic rooms: colour images with exact depth, from a seed.

A stand-in for data sets that cannot be shipped.
"""

from training.rooms.layout import Room, sample_room
from training.rooms.render import Frame, render
from training.rooms.streams import sample_frame, sample_walk

__all__ = ["Frame", "Room", "render", "sample_frame", "sample_room", "sample_walk"]
