"""What the denial meter counts, and what its plot shows."""

from __future__ import annotations

import os
import subprocess
import sys
from xml.etree import ElementTree

from benchmarks.plot import svg
from tests.e2e.denial_meter import Login, Tally, Target, Tasks


def a_login(pid: int = 0) -> Login:
    return Login("127.0.0.1", "1", "orders", "orders_blue", "not-shown", pid)


def test_only_a_refused_password_is_a_denial() -> None:
    tally = Tally()
    tally.count(0, "")
    tally.count(0, 'password authentication failed for user "orders_blue"')
    tally.count(1, "unreachable")
    assert tally.attempts == {0: 2, 1: 1}
    assert tally.denied == {0: 1}
    assert tally.errors == {"unreachable": 1}


def test_tallies_add_up_by_the_second() -> None:
    one, other = Tally(), Tally()
    one.count(3, "")
    other.count(3, "password authentication failed")
    one.add(other)
    assert (one.attempts[3], one.denied[3]) == (2, 1)


def test_a_server_that_does_not_answer_is_no_denial() -> None:
    tally = Tally()
    tally.count(0, a_login().refusal())
    assert not tally.denied
    assert tally.errors


def test_a_task_is_over_when_its_process_is_and_a_future_one_never() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert a_login(process.pid).is_over()
    assert not a_login(os.getpid()).is_over()
    assert not a_login().is_over()


def test_a_task_is_found_by_its_environment_as_long_as_it_lives() -> None:
    target = Target(database="orders", port="1", cluster="shop", service="orders", client={})
    tasks = Tasks(target)
    assert tasks.living() == []
    held = {"DB_HOST": "127.0.0.1", "DB_PORT": "1", "DB_USERNAME": "orders_blue"}
    held |= {"DB_PASSWORD": "not-shown"}
    wait = [sys.executable, "-c", "print(flush=True); input()"]
    ours, others = (
        subprocess.Popen(
            wait, env=held | {"DB_NAME": name}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for name in ("orders", "payroll")
    )
    for process in (ours, others):
        assert process.stdout
        process.stdout.readline()  # it runs its program
    assert tasks.living() == [a_login(ours.pid)]
    assert tasks.living() == [a_login(ours.pid)]
    for process in (ours, others):
        process.communicate(b"\n")
    assert tasks.living() == []


def test_no_password_is_shown() -> None:
    assert "not-shown" not in repr(a_login())


def test_the_plot_is_xml_with_a_line_and_a_name_for_each_method() -> None:
    lines = {"a & b": [(0.0, 0.0), (10.0, 5.0)], "c": [(0.0, 0.0), (10.0, 0.0)]}
    root = ElementTree.fromstring(svg("denied", ("seconds", "logins"), lines))
    names = {"s": "http://www.w3.org/2000/svg"}
    assert len(root.findall("s:polyline", names)) == 2
    texts = [element.text for element in root.findall("s:text", names)]
    assert {"a & b", "c", "denied", "seconds", "logins"} <= set(texts)


def test_a_plot_of_nothing_can_be_drawn() -> None:
    assert ElementTree.fromstring(svg("nothing", ("x", "y"), {"none": [(0.0, 0.0)]})) is not None
