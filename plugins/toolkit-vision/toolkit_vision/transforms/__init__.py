"""Changes made to whole batches on the device, every sample with random parameters of its own. Imports nothing."""
