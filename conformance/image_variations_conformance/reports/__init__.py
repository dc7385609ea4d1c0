"""What a run looks like to people and to programs. Every report reads a finished Run and nothing else."""
