"""The paper's tables, row by row: train what a row describes, judge it, and write the result beside
the paper's."""
