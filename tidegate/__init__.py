"""What a release is and how it goes. Pure: no file, socket or clock is opened here (docs/architecture.md)."""
