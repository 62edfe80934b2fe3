"""Live re-posing: a reference picture that moves as somebody before the camera does."""
