"""A cluster with SLURM: runs as jobs, one holder of a job's lease, e-mail at the end of a run."""
