"""What a release is and how it goes. Pure: no file, socket or clock is opened below this name (docs/architecture.md)."""
