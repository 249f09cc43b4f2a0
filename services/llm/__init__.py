"""Recorded requests for a reply become recorded replies: intake, jobs, context, generation, one end."""
