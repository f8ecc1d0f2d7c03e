"""The words of the interface in English."""

from pages.languages.english import common, feedback, review

WORDS = common.WORDS | review.WORDS | feedback.WORDS
