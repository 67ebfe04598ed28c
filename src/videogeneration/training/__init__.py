"""Training: the loop, the losses and schedules, checkpoints, device and precision."""
