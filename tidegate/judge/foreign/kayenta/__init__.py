"""Kayenta's NetflixACAJudge: two series of minutes for each metric, one score for the canary."""
