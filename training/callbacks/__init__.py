"""What happens beside the training steps: pictures, a progress bar, a stop at a bad loss."""
