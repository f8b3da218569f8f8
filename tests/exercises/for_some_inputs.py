"""Answers that are right for some inputs only, beside a right one."""

from lecture_lib.exercises import check, engine


def lose(name, right, wrong, hidden, monkeypatch) -> None:
    monkeypatch.setattr(engine, "name_mistakes", lambda _, outcomes, *more: [""] * len(outcomes))  # it takes seconds
    assert (report := check(name, right, hidden=hidden)).points == report.out_of, report
    for answer in wrong:
        assert (report := check(name, answer, hidden=hidden)).points < report.out_of, report
