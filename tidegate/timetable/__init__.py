"""What a release will do and when: its own plan, performed on paper."""
