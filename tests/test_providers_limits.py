"""The pace of calls, the waits between retries, and when a run stops."""

from __future__ import annotations

import asyncio
from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.providers import Answer, Breaker, Limiter, Pace, delay, next_step
from workbench.providers.limiter import GROWTH, WINDOW
from workbench.providers.retry import LONGEST_WAIT, MAX_RETRIES, Patience

ACTS = st.lists(
    st.tuples(
        st.floats(0.0, 20.0, allow_nan=False),
        st.sampled_from(["start", "start", "start", "ok", "429", "429 wait"]),
        st.integers(0, 120),
    ),
    max_size=120,
)


@settings(deadline=None)
@given(ACTS, st.integers(1, 6), st.integers(1, 10) | st.none(), st.integers(50, 200) | st.none())
def test_no_limit_is_ever_passed(acts, concurrency, rpm, tpm):
    """In any minute: at most rpm calls and tpm tokens; never more in flight than the width; no call in a pause."""
    pace, now = Pace(concurrency, rpm, tpm), 0.0
    flying, starts, until = [], [], -inf
    for pass_by, act, tokens in acts:
        now += pass_by
        if act == "start" and pace.wait(now, tokens) <= 0:
            flying.append(pace.start(now, tokens))
            starts.append((now, tokens))
            assert now >= until
            assert len(flying) <= pace.width <= concurrency
        elif act != "start" and flying:
            ticket = flying.pop(0)
            pace.finish(ticket, now)
            if act == "ok":
                pace.calmed()
            else:
                pace.complained(ticket, now)
                if act == "429 wait":
                    pace.pause(now, float(tokens))
                    until = max(until, now + tokens)
        assert pace.in_flight == len(flying)
    for at, _ in starts:
        window = [tokens for start, tokens in starts if at - WINDOW < start <= at]
        assert rpm is None or len(window) <= rpm
        assert tpm is None or sum(window) <= tpm or len([t for t in window if t]) <= 1


@settings(deadline=None)
@given(st.integers(1, 10), st.integers(1, 30))
def test_the_wait_is_exact(rpm, calls):
    """A call that waits as long as it was told may start, and no earlier one may."""
    pace, now = Pace(100, rpm), 0.0
    for _ in range(calls):
        seconds = pace.wait(now)
        if seconds > 0:
            assert pace.wait(now + seconds * 0.99) > 0
            now += seconds
        assert pace.wait(now) <= 1e-6
        pace.finish(pace.start(now), now)
    assert now == pytest.approx(WINDOW * ((calls - 1) // rpm))


def test_estimates_are_settled_by_the_answer():
    """What an answer did not use is free for the next call; what it used beyond counts too."""
    pace = Pace(10, tpm=100)
    ticket = pace.start(0.0, 90)
    assert pace.wait(1.0, 50) == 59.0
    pace.finish(ticket, 1.0, 20)
    assert pace.wait(1.0, 50) == 0
    pace.finish(pace.start(1.0, 50), 2.0, 80)
    assert pace.wait(2.0, 1) > 0


def test_a_call_larger_than_the_limit_goes_alone():
    """A prompt above the tokens per minute is not held for ever."""
    pace = Pace(10, tpm=100)
    pace.finish(pace.start(0.0, 500), 1.0)
    assert pace.wait(1.0, 500) == 59.0
    assert pace.wait(60.0, 500) == 0


def test_a_429_halves_once_for_all_calls_sent_before_it():
    """A whole wave of refusals is one sign; the next wave is another."""
    pace = Pace(64)
    wave = [pace.start(0.0) for _ in range(64)]
    for ticket in wave:
        pace.finish(ticket, 1.0)
        pace.complained(ticket, 1.0)
    assert pace.width == 32
    late = pace.start(2.0)
    pace.finish(late, 3.0)
    pace.complained(late, 3.0)
    assert pace.width == 16


def test_peace_widens_by_one():
    """After so many answers in peace one more call may be in flight, up to where it began."""
    pace = Pace(4)
    ticket = pace.start(0.0)
    pace.finish(ticket, 0.0)
    pace.complained(ticket, 0.0)
    assert pace.width == 2
    for _ in range(GROWTH):
        pace.calmed()
    assert pace.width == 3
    for _ in range(5 * GROWTH):
        pace.calmed()
    assert pace.width == 4


def test_ending_a_call_twice_counts_once():
    """A ticket is given back once."""
    pace = Pace(1)
    ticket = pace.start(0.0)
    pace.finish(ticket, 0.0)
    pace.finish(ticket, 0.0)
    assert pace.in_flight == 0


OK = Answer("ok", text="yes", tokens_in=5, tokens_out=5)


def test_calls_wait_their_turn():
    """With two in flight, six calls of 50 ms take three turns, first come first served."""

    async def main() -> tuple[list[int], float]:
        limiter, order = Limiter(2), []
        loop = asyncio.get_running_loop()

        async def call(number: int) -> None:
            ticket = await limiter.acquire()
            order.append(number)
            assert limiter.pace.in_flight <= 2
            await asyncio.sleep(0.05)
            limiter.release(ticket, OK)

        begun = loop.time()
        await asyncio.gather(*(call(number) for number in range(6)))
        return order, loop.time() - begun

    order, took = asyncio.run(main())
    assert order == list(range(6))
    assert 0.14 < took < 1


def test_retry_after_holds_every_call_back():
    """One 429 with Retry-After: nothing starts before it is over, not even what waited already."""

    async def main() -> list[float]:
        limiter, loop = Limiter(4), asyncio.get_running_loop()
        first = await limiter.acquire()
        limiter.release(first, Answer("rate_limited", retry_after=0.3))
        begun = loop.time()

        async def call() -> float:
            ticket = await limiter.acquire()
            limiter.release(ticket, OK)
            return loop.time() - begun

        assert limiter.try_acquire() is None
        return await asyncio.gather(*(call() for _ in range(8)))

    waits = asyncio.run(main())
    assert min(waits) >= 0.3
    assert max(waits) < 2


def test_a_call_that_gives_up_waiting_leaves_no_trace():
    """Cancelled places are skipped, leave that came too late goes to the next."""

    async def main() -> None:
        limiter = Limiter(1)
        held = await limiter.acquire()
        waiting = [asyncio.create_task(limiter.acquire()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        limiter.release(held, OK)
        waiting[1].cancel()
        await asyncio.sleep(0.01)
        assert waiting[2].done() and not waiting[2].cancelled()
        limiter.release(waiting[2].result(), None)
        assert limiter.pace.in_flight == 0
        assert limiter.try_acquire() is not None

    asyncio.run(main())


@settings(deadline=None)
@given(st.integers(1, 1000), st.none() | st.floats(0, 1e6), st.integers())
def test_a_wait_is_jittered_and_never_shorter_than_asked(attempt, wanted, seed):
    """Between nothing and a doubling bound; with Retry-After, from there to a second later."""
    seconds = delay(attempt, wanted, Random(seed))
    if wanted is None:
        assert 0 <= seconds <= min(30.0, 0.5 * 2.0 ** min(attempt - 1, 16))
    else:
        assert wanted <= seconds <= wanted + 1


def test_a_task_is_tried_six_times():
    """Five retries, then the task has failed."""
    answer = Answer("server_error", error="HTTP 500")
    steps = [next_step(answer, attempt, Random(1)).verdict for attempt in range(1, MAX_RETRIES + 2)]
    assert steps == ["retry"] * MAX_RETRIES + ["fail_task"]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (OK, "done"),
        (Answer("truncated", text="cut"), "done"),
        (Answer("refused"), "fail_task"),
        (Answer("bad_request"), "fail_task"),
        (Answer("auth", error="HTTP 401"), "stop"),
        (Answer("no_credit"), "stop"),
        (Answer("unknown"), "retry"),
        (Answer("rate_limited", retry_after=LONGEST_WAIT), "retry"),
        (Answer("rate_limited", retry_after=LONGEST_WAIT + 1), "stop"),
    ],
)
def test_the_next_step_follows_from_the_outcome(answer, verdict):
    """Done, again, not this task, or not at all."""
    assert next_step(answer, 1, Random(0)).verdict == verdict


def test_a_long_wait_says_when_to_come_back():
    """A provider that wants a day's rest stops the run, and the reason says so."""
    step = next_step(Answer("rate_limited", retry_after=86_400), 1, Random(0))
    assert (step.wait, step.reason) == (86_400, "the provider wants no call for 24 hours")


def test_ten_failures_over_three_tasks_stop():
    """The tenth failure in a row stops; one success starts the count again."""
    breaker = Breaker()
    assert not any(breaker.failed(f"t{n % 3}", n) for n in range(9))
    breaker.succeeded()
    assert not any(breaker.failed(f"t{n % 3}", n) for n in range(9))
    assert breaker.failed("t0", 10.0)


def test_two_tasks_alone_do_not_stop_a_run():
    """What fails may be the tasks themselves."""
    breaker = Breaker()
    assert not any(breaker.failed(f"t{n % 2}", n) for n in range(100))


def test_a_burst_is_no_proof():
    """Calls that were in flight together when a server restarted count, but do not stop a run by themselves."""
    breaker = Breaker()
    assert not any(breaker.failed(f"t{n}", 1.0) for n in range(39))
    assert breaker.failed("t40", 1.0)
    patient = Breaker()
    assert not any(patient.failed(f"t{n}", 0.0) for n in range(20))
    assert patient.failed("t20", 2.0)


def test_only_429_for_a_while_loses_patience():
    """Six rounds over ten seconds; calls that were in flight together are one, and any answer ends the row."""
    patience = Patience()
    assert not any(patience.put_off(0.0, 0.5) for _ in range(100))
    assert [patience.put_off(float(n), n + 0.5) for n in range(1, 11)] == [False] * 9 + [True]
    patience.succeeded()
    assert not any(patience.put_off(20.0 + n / 10, 20.05 + n / 10) for n in range(90))
    slow = Patience()
    assert [slow.put_off(60.0 * n, 60.0 * n + 1) for n in range(6)] == [False] * 5 + [True]


def test_whoever_waits_can_be_sent_away():
    """`dismiss` ends every wait at once; leave can be had again later."""

    async def main() -> list[object]:
        limiter = Limiter(2)
        held = [await limiter.acquire(), await limiter.acquire()]
        waiting = [asyncio.create_task(limiter.acquire()) for _ in range(3)]
        await asyncio.sleep(0)
        limiter.release(held[0], Answer("rate_limited", retry_after=3600))
        limiter.dismiss()
        given = await asyncio.wait_for(asyncio.gather(*waiting), 1)
        assert limiter.pace.in_flight == 1
        return given

    assert asyncio.run(main()) == [None, None, None]
