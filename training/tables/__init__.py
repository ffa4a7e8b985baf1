"""The paper's tables, row by row: train what a row describes, judge it, write it beside the paper's
figure."""
