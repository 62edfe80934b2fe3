"""Learning keypoints from unlabelled video and unpaired poses (KeypointGAN, CVPR 2020)."""
