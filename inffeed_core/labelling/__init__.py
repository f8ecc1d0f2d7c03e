"""Silver labels made here: by a model of the project's gold, by rules, by classifiers, or by a language model.

    describing.py   the sources that a run makes, and all that decides what they say
    labelling.py    the job: which texts, who labels them, and the labels' way into the store
    labellers.py    what every means of labelling is to the job
    own.py          a head fitted on the project's gold
    classifying.py  sequence classifiers, and classifiers of entailment asked about each label (zero-shot)
    rules.py        functions of a Python file
    llm.py          a language model behind an OpenAI-compatible endpoint
    prompting.py    what it is asked
    answering.py    what its answer means, and how sure it is
    endpoint.py     requests to it: retries, rate limit, errors in words
    planning.py     what a run would send where, and what it would cost

A run that was cancelled, killed or refused by an endpoint publishes nothing. The answers of a language model are kept
as they arrive, so the next run asks for none of them again.
"""
