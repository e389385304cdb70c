"""A provider's page where one bill is paid. README.md says how a provider is connected."""
