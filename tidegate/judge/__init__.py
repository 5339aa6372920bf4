"""Judgement: from measurements to verdicts. Pure; this is the place of the comparing judge, too."""
