"""The words of the interface in Simplified Chinese."""

from pages.languages.chinese import common, feedback, review

WORDS = common.WORDS | review.WORDS | feedback.WORDS
