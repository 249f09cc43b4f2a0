"""The official SDKs, driven as separate processes against a real gateway."""
