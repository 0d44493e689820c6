"""Speed of each report beside the barest SQL that answers the same question, on a synthetic project.

    python scripts/bench_report.py [--generations 200000] [--evaluations 5000] [--body 1500]

The project is made by SQL alone: drafts and essays in equal parts and the evaluations, each with a call and a body
of some bytes; one cohort holds all of it. "Bare" groups by numbers, on the plain tables, and looks up no name. Of
several runs the fastest counts, both sides in turn in one process. Then what a single ID costs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from workbench.report import agreement, essays, progress  # noqa: E402
from workbench.report.narrow import Choice  # noqa: E402
from workbench.report.scores import scores  # noqa: E402
from workbench.store import Database, create_project, open_project, transaction  # noqa: E402

AT = "'2026-01-01T00:00:00.000Z'"
RUBRICS, JUDGES, REPLICATES = 2, 2, 2
COMBOS_EACH = 8  # drafts of one combo: two templates, two models, two replicates

MADE = f"""
create temp table n as
  with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < :most) select i from n;
insert into topic_models (id, name, kind, created) values (1, 'bench', 'tree', {AT});
insert into topics (id, topic_model_id, uuid, title, depth, leaf, place)
  select i + 1, 1, printf('00000000-0000-4000-8000-%012x', i), 'topic ' || i, 1, 1, i from n
  where i < :drafts / {COMBOS_EACH} + 1;
insert into combos (id, combo_id, topic_id) select id, uuid, id from topics;
insert into templates (id, stage, name) values (1, 'draft', 'plain'), (2, 'draft', 'long'), (3, 'essay', 'polish'),
  (4, 'evaluation', 'novelty'), (5, 'evaluation', 'style');
insert into models (id, llm_model_id) values (1, 'writer-a'), (2, 'writer-b'), (3, 'judge-a'), (4, 'judge-b');
insert into generations (id, gen_id, stage, combo_id, template_id, model_id, replicate, status, created)
  select i + 1, printf('d_%015d', i), 'draft', i / {COMBOS_EACH} + 1, 1 + i % 2, 1 + i / 2 % 2, 1 + i / 4 % 2,
    'planned', {AT} from n where i < :drafts;
insert into generations (id, gen_id, stage, parent_id, template_id, model_id, replicate, status, created)
  select :drafts + i + 1, printf('e_%015d', i), 'essay', i + 1, 3, 1, 1, 'planned', {AT} from n where i < :essays;
insert into generations (id, gen_id, stage, parent_id, template_id, model_id, replicate, status, created)
  select :drafts + :essays + i + 1, printf('v_%015d', i), 'evaluation',
    :drafts + 1 + (i / {RUBRICS * JUDGES * REPLICATES}) % :essays, 4 + i % 2, 3 + i / 2 % 2, 1 + i / 4 % 2,
    'planned', {AT} from n where i < :evaluations;
insert into calls (id, generation_id, attempt, provider, model, started, status, outcome, tokens_in, tokens_out, cost,
    body)
  select id, id, 1, 'bench', 'model-' || model_id, {AT}, 'answered', case when id % 50 then 'ok' else 'truncated' end,
    200, 400, 0.001, zeroblob(:body) from generations;
insert into contents (id, generation_id, revision, hash, outcome, raw, call_id, created)
  select id, id, 1, 'x', 'ok', 'text', id, {AT} from generations;
update generations set status = case when id % 50 then 'done' else 'failed' end, content_id = id;
insert into scores (generation_id, content_id, score, scale_min, scale_max)
  select id, id, (id * 7919 % 91) / 10.0, 0, 9 from generations where stage = 'evaluation';
insert into cohorts (id, name, mode, created) values (1, 'all', 'spec', {AT});
insert into cohort_members (cohort_id, generation_id, place) select 1, id, id from generations;
"""

SCORED = (
    "from generations v join scores s on s.content_id = v.content_id where v.stage = 'evaluation' and v.status = 'done'"
)
PAIR = "v.parent_id, v.template_id, v.model_id"
CELLS = "select g.stage, coalesce(g.combo_id, p.combo_id, d.combo_id), g.template_id, g.model_id, g.status, count(*)"
FAMILY = (
    "from generations g left join generations p on p.id = g.parent_id left join generations d on d.id = p.parent_id"
)
BARE = {
    "scores": f"select v.gen_id, {PAIR}, v.replicate, s.score {SCORED} order by 2, 3, 4, 5",
    "variance": f"select {PAIR}, count(*), avg(score), min(score), max(score) {SCORED} group by 1, 2, 3",
    "pivot": f"select {PAIR}, avg(score) {SCORED} group by 1, 2, 3",
    "top": f"select p, avg(m) from (select {PAIR}, v.parent_id as p, max(score) as m {SCORED} group by 1, 2, 3)"
    " group by p order by 2 desc limit 20",
    "agreement": f"select v.parent_id, v.template_id, max(score) - min(score) {SCORED} group by 1, 2",
    "alpha": f"select v.parent_id, v.template_id, v.model_id, avg(score) {SCORED} group by 1, 2, 3",
    "coverage": f"{CELLS} {FAMILY} group by 1, 2, 3, 4, 5",
    "cohort": "select m.cohort_id, g.stage, g.status, count(*) from cohort_members m"
    " join generations g on g.id = m.generation_id group by 1, 2, 3",
    "cost": "select g.stage, g.template_id, g.model_id, count(*), sum(k.tokens_in), sum(k.tokens_out), sum(k.cost)"
    " from calls k left join generations g on g.id = k.generation_id group by 1, 2, 3",
    "cycles": "select g.template_id, g.model_id, g.replicate, g.status, count(*) from generations g"
    " where g.stage = 'draft' group by 1, 2, 3, 4",
}


def reports(db: Database, choice: Choice) -> dict[str, Callable[[], object]]:
    """Give every report by name, as the commands ask for it."""
    return {
        "scores": lambda: scores(db, cohort=choice.cohort),
        "variance": lambda: list(essays.variance(db, choice)),
        "pivot": lambda: essays.pivot(db, choice),
        "top": lambda: list(essays.top(db, choice)),
        "agreement": lambda: list(agreement.agreement(db, choice)),
        "alpha": lambda: agreement.alpha(db, choice),
        "coverage": lambda: list(progress.matrix(db, choice)),
        "cohort": lambda: list(progress.cohorts(db, choice)),
        "cost": lambda: list(progress.costs(db, choice)),
    }


def fastest(ask: Callable[[], object], runs: int = 3) -> float:
    """Give the shortest of several runs, in seconds."""
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - begun)
    return min(taken)


def fill(db: Database, generations: int, evaluations: int, body: int) -> None:
    """Make the synthetic record; `body` is bytes of each call's answer."""
    drafts = (generations - evaluations) // 2
    numbers = {
        "most": max(drafts, evaluations) + 1,
        "drafts": drafts,
        "essays": generations - evaluations - drafts,
        "evaluations": evaluations,
        "body": body,
    }
    with transaction(db):
        for statement in filter(str.strip, MADE.split(";\n")):
            db.execute(statement, {name: n for name, n in numbers.items() if f":{name}" in statement})


def compare(db: Database) -> None:
    """Print the time of each report, of the whole project and of its one cohort, and its ratio to bare SQL."""
    whole, narrow = reports(db, Choice()), reports(db, Choice(cohort="all"))
    print(f"{'report':<12}{'bare ms':>9}{'ms':>9}{'ratio':>7}{'cohort ms':>11}{'ratio':>7}")
    for name, ask in whole.items():
        bare = fastest(lambda sql=BARE[name]: db.execute(sql).fetchall())
        ours, cohort = fastest(ask), fastest(narrow[name])
        print(f"{name:<12}{bare * 1e3:>9.1f}{ours * 1e3:>9.1f}{ours / bare:>7.2f}", end="")
        print(f"{cohort * 1e3:>11.1f}{cohort / bare:>7.2f}")
    bare = fastest(lambda: db.execute(BARE["cycles"]).fetchall())
    ours = fastest(lambda: db.execute("select * from coverage").fetchall())
    print(f"{'cycles':<12}{bare * 1e3:>9.1f}{ours * 1e3:>9.1f}{ours / bare:>7.2f}   (view coverage)")


def single(db: Database) -> None:
    """Print what one ID costs in the views that people ask by ID."""
    evaluation, draft = "v_000000000000007", "d_000000000000000"
    for sql, value in (
        ("select * from lineage where gen_id = ?", evaluation),
        ("select * from lineage where ancestor = ?", draft),
        ("select * from generation_texts where gen_id = ?", evaluation),
        ("select * from scores_by_evaluation where gen_id = ?", evaluation),
    ):
        rows = db.execute(sql, (value,)).fetchall()
        taken = fastest(lambda sql=sql, value=value: db.execute(sql, (value,)).fetchall())
        print(f"{taken * 1e3:>9.3f} ms  {len(rows)} rows  {sql}")


def main() -> None:
    """Make the project, then measure."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--generations", type=int, default=200_000)
    options.add_argument("--evaluations", type=int, default=5_000)
    options.add_argument("--body", type=int, default=1_500)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        create_project(path)
        with open_project(path, write=True) as db:
            fill(db, given.generations, given.evaluations, given.body)
        print(
            f"{given.generations:,} generations, {given.evaluations:,} evaluations, {path.stat().st_size / 1e6:.0f} MB"
        )
        with open_project(path) as db:
            compare(db)
            single(db)


if __name__ == "__main__":
    main()
