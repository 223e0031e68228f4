"""Function platforms: functions whose instances start cold, are kept alive, and share the memory of nodes."""
