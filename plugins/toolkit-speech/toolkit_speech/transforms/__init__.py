"""What is changed at random in batches of waveforms and spectrograms. Imports nothing."""
