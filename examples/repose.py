"""Re-pose a picture by a clip: python examples/repose.py SOURCE OUTPUT.mp4 [PICTURE]"""

import sys

from engines import load, load_decoder
from realtime import track
from realtime.repose import Reposer, open_references
from realtime.video_sink import VideoSink

source, output, *pictures = sys.argv[1:]
references = open_references(pictures or ["portrait:"], load("face68"))
reposer = Reposer(load_decoder("face68-decoder"), references)
video = VideoSink(output, comment="re-posed by keycam")
for frame, pose in track(source):
    video.show(reposer.draw(pose, frame.time_ns), frame)
video.close()
