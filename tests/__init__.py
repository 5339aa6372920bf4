"""What shows that Tidegate does what it says: from one rule (unit) to a real release on real parts (e2e)."""
