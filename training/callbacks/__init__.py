"""What happens beside the training steps: images, a progress bar, how a run stops and resumes."""
