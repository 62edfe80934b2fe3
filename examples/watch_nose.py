"""Act on poses as they come: keycam run 0 --processor examples/watch_nose.py:WatchNose"""

NOSE = 30  # p30 of face68


class WatchNose:
    def __init__(self, skeleton):
        self.name = skeleton.keypoints[NOSE]
        self.left = None

    def process(self, frame, pose):
        if pose.keypoints_px is None:
            return
        left = bool(pose.keypoints_px[NOSE, 0] < frame.image.shape[1] / 2)
        if left != self.left:  # here a valve would open, or a light go on
            print(frame.index, self.name, "is on the", "left" if left else "right")
        self.left = left
