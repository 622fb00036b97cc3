"""Front ends: what a model hears of a waveform, computed on the device in the batch. Imports nothing."""
