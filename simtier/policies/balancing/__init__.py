"""What moves among the engines of a service."""
