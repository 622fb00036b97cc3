"""Detection: the task, its models, its metric, and datasets of photographs with boxes. Imports nothing itself."""
