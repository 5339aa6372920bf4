"""Times, computed: moments and rhythms in a zone, and the intervals in which no traffic may be raised. Pure."""
