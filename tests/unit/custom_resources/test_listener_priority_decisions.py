"""What Custom::ListenerPriority decides."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field

import pytest
from botocore.session import Session
from botocore.stub import Stubber
from hypothesis import example, given, settings
from hypothesis import strategies as st

from custom_resources.listener_priority import listener
from custom_resources.listener_priority.conditions import Conditions
from custom_resources.listener_priority.decisions import ListenerPriorityProperties, room
from custom_resources.listener_priority.numbers import HIGHEST, LOWEST, Room, anchor, choose
from custom_resources.listener_priority.rules import CollisionError, Rule, Wish
from custom_resources.shared.failure import Failure

ARN = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:listener/app/public/1/2"


def conditions(host: str = "", path: str = "", method: str = "") -> Conditions:
    kinds = {"host-header": host, "path-pattern": path, "http-request-method": method}
    return Conditions.of(
        [{"Field": kind, "Values": value.split()} for kind, value in kinds.items() if value]
    )


def stack_id(name: str) -> str:
    return f"arn:aws:cloudformation:eu-central-1:000000000000:stack/{name}/1"


@dataclass
class Listener:
    """A listener whose rules are dealt by the decisions, one deployment after the other."""

    rules: list[Rule] = field(default_factory=list)

    def deploy(
        self, stack: str, given: Conditions, takes_over: str = "", *, runs: bool = True
    ) -> int:
        """Create or change a stack's rule; the old one goes when the new one is there."""
        (old, others) = ([], [])  # type: tuple[list[Rule], list[Rule]]
        for rule in self.rules:
            (old if rule.stack == stack else others).append(rule)
        before = [rule.conditions for rule in old if rule.conditions]
        answering = {rule.number: rule.conditions for rule in old if runs and rule.conditions}
        wish = Wish(given, stack, takes_over, runs, before, answering)
        taken = {rule.number for rule in self.rules}
        number = choose(wish, room(wish, others), taken, 0)
        self.rules = [*others, Rule(number, given, stack_id(stack), takes_over)]
        return number

    def delete(self, stack: str) -> None:
        self.rules = [rule for rule in self.rules if rule.stack != stack]

    def answers(self, host: str, path: str = "/", method: str = "GET") -> str:
        """The stack that gets a request, as Elastic Load Balancing evaluates rules."""
        request = {"host-header": host, "path-pattern": path, "http-request-method": method}
        for rule in sorted(self.rules, key=lambda rule: rule.number):
            assert rule.conditions
            if all(
                any(matches(value, request[each.kind]) for value in each.values)
                for each in rule.conditions.parts
            ):
                return rule.stack
        return "nobody"


def matches(pattern: str, text: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text) is not None


HOSTS = ["a.example.org", "b.example.org", "a.b.example.org", "a.shop.net"]
PATHS = ["/", "/api", "/api/v1", "/api/v2/x"]
RULES = st.builds(
    conditions,
    host=st.sampled_from(
        [*HOSTS, "*.example.org", "*.b.example.org", "a.*", "?.example.org", "a.* b.example.org"]
    ),
    path=st.sampled_from(["", "", "/api", "/api/*", "/*/v1", "/*", "/api/v? /api/v2/*"]),
    method=st.sampled_from(["", "", "GET", "PUT"]),
)
RULE_SETS = st.lists(RULES, min_size=2, max_size=12).filter(
    lambda given: not any(one.collides(two) for one, two in itertools.combinations(given, 2))
)


@given(rules=RULE_SETS, data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_request_goes_to_the_same_service_whatever_was_deployed_first(
    rules: list[Conditions], data: st.DataObject
) -> None:
    named = list(enumerate(rules))
    first, second = Listener(), Listener()
    for number, rule in named:
        first.deploy(f"s{number}", rule)
    for number, rule in data.draw(st.permutations(named)):
        second.deploy(f"s{number}", rule)
    for request in itertools.product(HOSTS, PATHS, ["GET", "PUT"]):
        assert first.answers(*request) == second.answers(*request)


def test_an_exact_host_name_that_comes_late_gets_its_requests() -> None:
    listener = Listener()
    listener.deploy("wild", conditions("*.example.org"))
    listener.deploy("late", conditions("late.example.org"))
    listener.deploy("wilder", conditions("*.org"))
    listener.deploy("path", conditions("late.example.org", "/api/*"))
    assert listener.answers("late.example.org") == "late"
    assert listener.answers("late.example.org", "/api/x") == "path"
    assert listener.answers("other.example.org") == "wild"
    assert listener.answers("other.org") == "wilder"


@given(lengths=st.lists(st.integers(1, 60), min_size=98, max_size=98), data=st.data())
@settings(max_examples=10, deadline=None)
def test_a_full_load_balancer_has_a_place_for_each_degree_of_exactness(
    lengths: list[int], data: st.DataObject
) -> None:
    """A hundred rules, most of them of one host name's paths, others crowding one band.

    Of paths beyond 64 characters each has a fifth of the numbers: there such a crowd may be
    refused, which names the neighbours.
    """
    crowded = data.draw(st.integers(1, 60))
    chain = [conditions("a.example.org", "/" + "x" * each + "*") for each in set(lengths)]
    crowd = [
        conditions(f"h{number}.example.org", "/" + "y" * crowded)
        for number in range(98 - len(chain))
    ]
    rules = [*crowd, *chain, conditions("*.example.org"), conditions("a.example.org")]
    listener = Listener()
    for number, rule in enumerate(data.draw(st.permutations(rules))):
        listener.deploy(f"s{number}", rule)
    in_order = sorted(listener.rules, key=lambda rule: rule.number)
    ordered = [rule.conditions for rule in in_order if rule.conditions in [*chain, *rules[-2:]]]
    assert ordered == sorted([*chain, *rules[-2:]], key=lambda rule: rule.exactness)


@given(one=RULES, other=RULES)
@example(  # paths of one length: more conditions count for more than no wildcard
    one=conditions("a.example.org", "/api"), other=conditions("a.example.org", "/*/v1", "GET")
)
def test_bands_are_in_the_order_of_exactness(one: Conditions, other: Conditions) -> None:
    first, second = sorted([one, other], key=lambda rule: rule.exactness)
    assert LOWEST <= anchor(first.exactness) <= anchor(second.exactness) <= HIGHEST


@pytest.mark.parametrize("host", ["*", "a.b", "*.b", "*." + "b" * 126])
@pytest.mark.parametrize("path", ["", "/", "/" + "x" * 127])
def test_every_band_has_room_on_both_sides(host: str, path: str) -> None:
    assert LOWEST + 10 < anchor(conditions(host, path).exactness) < HIGHEST - 10


def test_two_services_with_one_host_name_are_refused_by_the_others_stack() -> None:
    listener = Listener()
    number = listener.deploy("shop-service-first", conditions("a.example.org"))
    with pytest.raises(CollisionError) as refused:
        listener.deploy("shop-service-second", conditions("A.example.org"))
    assert f"the stack shop-service-first (number {number})" in str(refused.value)
    assert "service_takes_over" in str(refused.value)


FOREIGN = {"shown": "forward to legacy"}


def test_a_rule_that_nobody_reserved_is_refused_with_what_it_forwards_to() -> None:
    listener = Listener([Rule(7, conditions("a.example.org"), **FOREIGN)])
    with pytest.raises(CollisionError) as refused:
        listener.deploy("mine", conditions("a.example.org"))
    assert "a rule that Quayside didn't make (number 7, forward to legacy)" in str(refused.value)
    assert "delete that rule" in str(refused.value)


def test_a_persons_rule_that_takes_all_requests_of_a_service_comes_after_it() -> None:
    listener = Listener([Rule(7, conditions("*.example.org"), **FOREIGN)])
    assert listener.deploy("mine", conditions("a.example.org")) < 7
    assert listener.deploy("wide", conditions("*.org")) > 7


@pytest.mark.parametrize("rule", [conditions("*.example.org"), conditions(path="/*")])
def test_a_persons_rule_in_front_that_takes_all_is_named(rule: Conditions) -> None:
    listener = Listener([Rule(1, rule, **FOREIGN)])
    with pytest.raises(
        Failure, match=r"before a rule that Quayside didn't make \(number 1, forw"
    ) as it:
        listener.deploy("mine", conditions("a.example.org"))
    assert "give number 1 another number" in str(it.value)
    assert "Deploy that stack again" not in str(it.value)


def test_a_maintenance_page_for_all_addresses_or_behind_all_rules_lets_services_be_deployed() -> (
    None
):
    page = {"Field": "path-pattern", "Values": ["/*"]}
    addresses = {"Field": "source-ip", "SourceIpConfig": {"Values": ["0.0.0.0/0"]}}
    listener = Listener(
        [
            Rule(1, Conditions.of([page, addresses]), **FOREIGN),
            Rule(HIGHEST, Conditions.of([page]), **FOREIGN),
        ]
    )
    assert 1 < listener.deploy("mine", conditions("a.example.org")) < HIGHEST


def test_a_persons_rule_in_front_that_takes_a_part_is_left_alone() -> None:
    listener = Listener([Rule(1, conditions(path="/maintenance"), **FOREIGN)])
    listener.deploy("mine", conditions("a.example.org"))
    assert listener.answers("a.example.org") == "mine"


def test_a_rule_that_can_not_be_compared_only_keeps_its_number() -> None:
    listener = Listener([Rule(1, None), Rule(anchor(conditions("a.b").exactness), None)])
    assert listener.deploy("mine", conditions("a.b")) > 1


# --- Taking over ---


def taken_over() -> Listener:
    listener = Listener()
    listener.deploy("old", conditions("a.example.org"))
    listener.deploy("new", conditions("new.example.org"))
    listener.deploy("new", conditions("a.example.org"), "old")
    return listener


def test_a_service_that_takes_over_stands_right_before_the_other() -> None:
    listener = taken_over()
    new, old = sorted(listener.rules, key=lambda rule: rule.number)
    assert (new.stack, old.stack) == ("new", "old")
    assert old.number - new.number == 1


def test_a_name_goes_back_and_forth_and_on_to_a_third() -> None:
    listener = taken_over()
    for one, other in [("old", "new"), ("new", "old")] * 500:
        listener.deploy(one, conditions("a.example.org"), other)
        assert listener.answers("a.example.org") == one
        listener.deploy(one, conditions("a.example.org"), other)
    listener.deploy("third", conditions("a.example.org"), "new")
    assert listener.answers("a.example.org") == "third"


def test_a_host_name_goes_to_the_redirect_of_its_own_stack_and_back() -> None:
    """The one that gets the name stands in front until the other one gives it up."""
    both = Rule(4000, conditions("a.example.org b.example.org"), stack_id("one"))
    redirected = conditions("a.example.org")
    there = room(Wish(redirected, "one"), [both])
    assert (there.until, there.after) == (both, None)
    redirect = Rule(3000, redirected, stack_id("one"))
    back = room(Wish(both.conditions or redirected, "one", runs=True), [redirect])
    assert (back.until, back.after) == (redirect, None)
    other = Rule(2000, redirected, stack_id("other"))
    with pytest.raises(CollisionError, match="is taken: the stack other"):
        room(Wish(redirected, "one"), [both, other])


def test_a_service_takes_over_before_it_runs_in_no_case() -> None:
    listener = Listener()
    listener.deploy("old", conditions("a.example.org"))
    with pytest.raises(Failure, match="before it has tasks that answer"):
        listener.deploy("new", conditions("a.example.org"), "old", runs=False)


def test_a_service_that_was_taken_over_keeps_its_place_behind() -> None:
    listener = taken_over()
    listener.deploy("old", conditions("a.example.org"), "gone")
    assert listener.answers("a.example.org") == "new"


def test_a_service_comes_to_no_name_that_was_taken_over_from_it_and_left() -> None:
    listener = taken_over()
    listener.deploy("old", conditions("b.example.org"))
    with pytest.raises(CollisionError, match="the stack new"):
        listener.deploy("old", conditions("a.example.org"))


def test_a_take_over_that_ends_while_the_other_is_there_keeps_its_place_in_front() -> None:
    listener = taken_over()
    number = min(rule.number for rule in listener.rules)
    assert listener.deploy("new", conditions("a.example.org")) == number
    with pytest.raises(CollisionError, match=rf"the stack new \(number {number}\) has"):
        listener.deploy("old", conditions("a.example.org"))
    listener.delete("old")
    listener.deploy("new", conditions("a.example.org"))
    assert listener.answers("a.example.org") == "new"


@given(
    names=st.lists(st.sampled_from(HOSTS[:2]), min_size=2, max_size=8),
    next_to_another=st.booleans(),
    data=st.data(),
)
@settings(max_examples=200, deadline=None)
def test_of_services_of_before_with_one_name_the_one_with_the_requests_keeps_them(
    names: list[str], next_to_another: bool, data: st.DataObject
) -> None:
    """Versions of before gave the lowest numbers, and refused no name."""
    numbers = [number if next_to_another else 7 * number for number in range(1, len(names) + 1)]
    listener = Listener(
        [
            Rule(number, conditions(name), stack_id(f"s{number}"))
            for number, name in zip(numbers, names, strict=True)
        ]
    )
    first = {name: listener.answers(name) for name in names}
    named = list(zip(numbers, names, strict=True))
    for number, name in data.draw(st.permutations(named)) * 2:
        stack = f"s{number}"
        if stack == first[name]:
            listener.deploy(stack, conditions(name))
        else:
            with pytest.raises(CollisionError, match=rf"the stack {first[name]} \("):
                listener.deploy(stack, conditions(name))
        assert {name: listener.answers(name) for name in names} == first


def test_a_service_that_has_the_requests_keeps_them_before_a_persons_rule_of_its_name() -> None:
    own = Rule(5, conditions("a.example.org"), stack_id("mine"))
    listener = Listener([own, Rule(9, conditions("a.example.org"), **FOREIGN)])
    listener.deploy("mine", conditions("a.example.org"))
    assert listener.answers("a.example.org") == "mine"


def test_who_had_another_name_is_not_in_front_of_a_name() -> None:
    one = Rule(5, conditions("b.example.org a.shop.net"), stack_id("one"))
    listener = Listener([one, Rule(9, conditions("a.example.org"), stack_id("other"))])
    with pytest.raises(CollisionError, match=r"the stack other \(number 9\) has"):
        listener.deploy("one", conditions("b.example.org a.example.org"))


def test_a_name_is_taken_over_from_whoever_has_it_now() -> None:
    listener = taken_over()
    with pytest.raises(CollisionError, match="the stack new"):
        listener.deploy("third", conditions("a.example.org"), "old")


def in_this_order(*deployed: tuple[str, str]) -> Listener:
    """Services and their host names, the first one in front."""
    return Listener(
        [
            Rule(100 * number, conditions(host), stack_id(stack))
            for number, (stack, host) in enumerate(deployed, start=1)
        ]
    )


@pytest.mark.parametrize("third_is_in_front", [False, True])
def test_a_take_over_takes_no_third_services_name(*, third_is_in_front: bool) -> None:
    others = [("old", "a.example.org"), ("third", "b.example.org")]
    listener = in_this_order(*(reversed(others) if third_is_in_front else others))
    listener.deploy("new", conditions("new.example.org"))
    with pytest.raises(CollisionError, match=r"b\.example\.org is taken: the stack third") as it:
        listener.deploy("new", conditions("a.example.org b.example.org"), "old")
    assert "a deployment takes over from one service, this one from old" in str(it.value)
    assert listener.answers("b.example.org") == "third"
    listener.deploy("new", conditions("a.example.org new.example.org"), "old")
    assert listener.answers("a.example.org") == "new"


@pytest.mark.parametrize("third_is_in_front", [False, True])
def test_who_was_taken_over_gets_no_third_services_name(*, third_is_in_front: bool) -> None:
    listener = taken_over()
    number = 1 if third_is_in_front else HIGHEST
    listener.rules.append(Rule(number, conditions("c.shop.net"), stack_id("third")))
    with pytest.raises(CollisionError, match=r"c\.shop\.net is taken: the stack third"):
        listener.deploy("old", conditions("a.example.org c.shop.net"))
    listener.deploy("old", conditions("a.example.org d.shop.net"))
    assert listener.answers("a.example.org") == "new"
    assert listener.answers("d.shop.net") == "old"


def test_who_was_taken_over_gets_no_other_name_of_who_took_over() -> None:
    """The one that took over has more names than that; those aren't lost in silence."""
    listener = taken_over()
    listener.deploy("new", conditions("a.example.org c.shop.net"), "old")
    with pytest.raises(CollisionError, match=r"c\.shop\.net is taken: the stack new"):
        listener.deploy("old", conditions("a.example.org c.shop.net"))


def test_names_of_two_services_are_taken_over_one_after_the_other() -> None:
    listener = in_this_order(("one", "a.example.org"), ("two", "b.example.org"))
    listener.deploy("new", conditions("new.example.org"))
    listener.deploy("new", conditions("a.example.org"), "one")
    listener.deploy("new", conditions("a.example.org b.example.org"), "two")
    assert {listener.answers(it) for it in HOSTS[:2]} == {"new"}


def test_a_persons_rule_is_not_taken_over() -> None:
    listener = Listener([Rule(7, conditions("a.example.org"), **FOREIGN)])
    with pytest.raises(CollisionError):
        listener.deploy("mine", conditions("a.example.org"), "legacy")


# --- Choosing a number ---


@given(
    taken=st.sets(st.integers(LOWEST, 60)),
    low=st.integers(LOWEST, 30),
    width=st.integers(2, 40),
    attempt=st.integers(0, 12),
)
def test_a_number_is_free_and_in_the_room(
    taken: set[int], low: int, width: int, attempt: int
) -> None:
    within = Room(Rule(low, None), Rule(low + width, None))
    wish = Wish(conditions("a.b"), "mine")
    free = set(range(low + 1, low + width)) - taken
    if free:
        assert choose(wish, within, taken, attempt) in free
    else:
        with pytest.raises(Failure, match="No number is free"):
            choose(wish, within, taken, attempt)


def test_the_last_number_of_all_is_found_and_then_none() -> None:
    wish = Wish(conditions("a.b"), "mine")
    assert choose(wish, Room(None, None), range(LOWEST, HIGHEST), 3) == HIGHEST
    with pytest.raises(Failure, match="No number is free"):
        choose(wish, Room(None, None), range(LOWEST, HIGHEST + 1), 0)


def test_conditions_are_needed_but_in_templates_of_before() -> None:
    assert ListenerPriorityProperties.of({"ListenerArn": ARN}).conditions is None


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "arn:aws:x",
        ARN.replace("listener/app", "loadbalancer/app"),
        ARN.replace("listener/app", "listener/net"),
    ],
)
def test_anything_but_the_arn_of_an_application_listener_is_refused(arn: str) -> None:
    with pytest.raises(Failure, match="Property ListenerArn is "):
        ListenerPriorityProperties.of({"ListenerArn": arn})


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_every_partition_has_listeners(partition: str) -> None:
    arn = ARN.replace("aws", partition, 1)

    assert ListenerPriorityProperties.of({"ListenerArn": arn}).listener_arn == arn


# The local AWS knows neither of these answers.


def test_a_listener_that_is_gone_is_named() -> None:
    elbv2 = Session().create_client("elbv2", "eu-central-1")
    with Stubber(elbv2) as answers:
        answers.add_client_error("describe_rules", "ListenerNotFound")
        with pytest.raises(Failure, match=f"There is no listener {ARN}"):
            listener.rules(elbv2, ARN)


def test_the_accounts_own_quota_counts() -> None:
    elbv2 = Session().create_client("elbv2", "eu-central-1")
    limits = [
        {"Name": "target-groups", "Max": "3000"},
        {"Name": "rules-per-application-load-balancer", "Max": "200"},
    ]
    with Stubber(elbv2) as answers:
        answers.add_response("describe_account_limits", {"Limits": limits})
        assert listener.rule_quota(elbv2) == 200
