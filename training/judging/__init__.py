"""The judge: predictors on one side, a data set on the other, and what is said of the former."""
