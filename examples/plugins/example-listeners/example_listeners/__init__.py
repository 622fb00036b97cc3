"""Two listeners for the toolkit: one tells a webhook of runs, one keeps their metrics as Parquet."""
