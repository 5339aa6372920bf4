"""The words of a release spec, by what they talk about; `tidegate/spec.py` puts them together."""
