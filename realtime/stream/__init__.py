"""Poses sent to other programs as they come; `realtime.stream.outlets` says where to."""
