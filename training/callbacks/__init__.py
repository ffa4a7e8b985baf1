"""What happens beside the training steps: pictures, a progress bar, how a run stops and goes on."""
