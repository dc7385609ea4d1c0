"""Reports of a run, for people and for programs. A report reads a finished Run and nothing else."""
