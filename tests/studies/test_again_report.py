"""The page of fine-tuning again, from rows whose answers are known beforehand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inffeed_core.studies.evidence import again_report, statistics
from inffeed_core.studies.evidence.again_report import OURS, Found, agreement, leads_table, orders_table, page
from inffeed_core.studies.repair.again import ORDERS, AgainSettings
from inffeed_core.studies.repair.review import ALL_GOLD
from inffeed_core.studies.repair.runs import BASELINE, packed

GOLD = np.arange(1000) // 500
SETTINGS = AgainSettings(method="lora", gold=10, silver=100, validation=10, test=1000, epochs=1)
SCORES = {BASELINE: 0.5, ALL_GOLD: 0.9, **dict.fromkeys(ORDERS, 0.6), OURS[0]: 0.8, "random": 0.55}


def rows(name: str, budgets: list[float], seed: int = 0) -> list[dict[str, Any]]:
    """As many texts of both classes are right as give these scores; the rule adds .02."""
    cells = [(BASELINE, 0.0), (ALL_GOLD, 0.0), *((order, budget) for budget in budgets for order in ORDERS)]
    found = []
    for number, (order, budget) in enumerate(cells):
        scores = {"argmax": SCORES[order], "macro-f1": SCORES[order] + 0.02}
        right = {rule: np.arange(1000) % 500 < round(500 * score) for rule, score in scores.items()}
        row = {"set": name, "seed": seed, "settings": SETTINGS.fingerprint(), "order": order, "budget": budget}
        row |= {"macro_f1": scores, "decided": {r: packed(np.where(one, GOLD, 1 - GOLD)) for r, one in right.items()}}
        row |= {"validation_loss": 0.7 - 0.01 * number, "test_loss": 1 - SCORES[order], "labels": f"{number}"}
        row |= {"gold": packed(GOLD), "classes": 2, "silver_counts": {"no": 60, "yes": 40}, "silver_error": 0.3}
        found.append(
            row | {"seed_rows": 10, "validation_rows": 10, "checked": 10, "wrong": 4, "foretold": 0.01 * number}
        )
    return found


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 200)


def cells(table: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def test_an_order_that_is_ahead_is_said_to_be():
    found = Found(rows("irony", [0.05]) + rows("media_bias_llm", [0.05]))
    [line] = [line for line in cells(leads_table(found, 0.05)) if line[:2] == [OURS[0], "random"]]
    assert line[2].startswith("+0.2500 (")
    assert line[4:] == ["ahead", "+0.2500"]
    [even] = [line for line in cells(leads_table(found, 0.05)) if line[:2] == [OURS[1], "gold-loss"]]
    assert even[4:] == ["undecided", "+0.0000"]
    assert f"has `{OURS[0]}` (0.820; silver as it is 0.520)" in page(found, SETTINGS)
    first, *_, gold = cells(orders_table(found, 0.05))
    assert first == [OURS[0], "40%", "0.800", "0.820", f"{0.7 - 0.02:.4f}", "0.2000"]
    assert gold[:4] == ["gold for all", "–", "0.900", "0.920"]


def test_what_did_not_run_is_in_no_table_and_said():
    half = rows("hatexplain_llm", [0.05, 0.1])[:-1]
    found = Found(rows("irony", [0.05]) + half + rows("irony", [0.05], seed=1))
    assert found.budgets == [0.05]
    assert found.at(0.1) == []
    told = page(found, SETTINGS)
    assert "draw 1 at 5% of moral_reddit_llm, media_bias_llm" in told
    assert "draw 1 at 10%;" in told
    assert "draw 2 at 5% of hatexplain_llm, moral_reddit_llm, media_bias_llm" in told
    assert "## After 10%" not in told
    assert "nan" not in told


def test_the_page_is_of_one_kind_of_settings(tmp_path: Path):
    again_report.write(rows("irony", [0.01]), SETTINGS, tmp_path)
    told = (tmp_path / again_report.PAGE).read_text(encoding="utf-8")
    assert "--gold 10 --silver 100 --validation 10 --test 1000 --epochs 1 --method lora" in told
    assert "## After 1% of the silver" in told
    again_report.write(rows("irony", [0.01]), replace(SETTINGS, epochs=2), tmp_path)
    assert "## After" not in (tmp_path / again_report.PAGE).read_text(encoding="utf-8")


def test_agreement_of_few_trainings_is_not_told():
    assert agreement([(0.1, 0.1)] * 3) == ["3", "–", "–", "–", "–"]
    count, pearson, slope, foretold, came = agreement([(0.1 * n, 0.2 * n) for n in range(21)])
    assert (count, pearson[:5], slope, foretold, came) == ("21", "1.000", "2.00", "+1.0000", "+2.0000")
