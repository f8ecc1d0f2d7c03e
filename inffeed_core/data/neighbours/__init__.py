"""Files of other annotation tools, as exports of InfFeed and back.

    records.py          one record of any tool as a row of an export, and its own row within that tool's metadata
    label_studio.py     tasks with annotations and predictions
    argilla.py          records with responses and suggestions, and their form in datasets
    prodigy.py          JSON lines, a line for each annotator's answer
    doccano.py          JSON lines with a list of labels
    annotator_table.py  a column for each annotator, as cleanlab takes it
    known.py            the table of them: by what each is recognised, what reads it, what writes it

What a tool's own fields hold is written there, so that the tool shows it. Everything else about a text (its split,
sources, notes, times, votes) goes into the record's metadata as the row that a plain export would have, and comes back
from there, together with whatever was answered in the tool meanwhile.
"""
