"""What a run leaves behind: its folder, metrics, pictures, and where it came from. Nothing is imported here."""
