"""The evaluation: predictors on one side, a data set on the other, and what it finds."""
