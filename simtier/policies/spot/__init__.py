"""Running a job with a deadline on spot and on-demand instances."""
