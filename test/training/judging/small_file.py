"""What is known of the small labelled file that the judge's tests share."""

TEST_INDICES = (1, 3, 4)
"""Its test split, 0-based."""

SIZE = (48, 64)
"""Height and width of its pictures."""
