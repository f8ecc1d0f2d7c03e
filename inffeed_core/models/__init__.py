"""Models: text → features, the head, and where both come from. The only part that imports transformers.

Import from the modules below, lightest first; each line says what it imports:

    sources     resolve(model) → ModelFiles: find and check a model                        (no torch)
    labels      label_mapping(model_labels, project_labels) → LabelMapping                 (no torch)
    heads       Head, save_head, load_head: immutable files of a head                      (torch)
    encoding    features(model, texts, cache, …), own_head(model, cache, …)                (torch; transformers
                                                                                            where a text is new)
    tfidf       Vectorizer, fitted, beside: a project's own words beside an encoder           (scikit-learn)
    encoder     Encoder: one loaded model                                                  (transformers)
    lessons     Lessons, FineTuning, FineTuned: what a transformer is trained on           (torch)
    fine_tuning fine_tune(base, lessons, validation, about, progress) → FineTuned          (transformers)
    adapters    low-rank adapters, and their merge into a plain classifier                 (peft)

Beneath them: `several` (processes that share a fine-tuning), `snapshot` (what a model's folder must hold),
`classifiers` (the last linear layer of any sequence classifier), `int8` (token vectors in 8-bit integers, by
CTranslate2), `passages` (texts and pairs as tokens), `batches` (which texts go together), `cache` (features on disk).
"""
