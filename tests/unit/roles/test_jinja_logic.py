"""Roles and playbooks name values; what counts with them is Python, and has tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.roles.jinja_logic import ROOT, expressions, logic

# Where an expression stands -> why it is there still.
EXCEPTIONS = {
    "playbooks/platform.yml vars load_balancer_subnet_ids": (
        "the roles' variables are checked before anything runs, so no task can have made them"
    ),
    "roles/service/meta/argument_specs.yml argument_specs main options service_database_name "
    "default": "the spec is what a user reads: the default of a default stands there",
}
# As playbooks/teardown.yml was before there were actions for it.
BEFORE = r"""
- hosts: localhost
  vars:
    named: "^{{ platform }}-(network|support)$"
    stacks: >-
      {{ found.cloudformation | dict2items
         | selectattr('value.stack_parameters.Platform', 'defined')
         | selectattr('value.stack_parameters.Platform', 'eq', platform) }}
    services: "{{ names | select('match', platform ~ '-service-') }}"
    log_groups: >-
      {{ found_log_groups | map(attribute='log_group_name') | select('match', own_log_groups)
         | union(found_log_groups | map(attribute='log_group_name') | select('in', kept_ids))
         | sort }}
  tasks:
    - name: Refuse a name that no platform has
      ansible.builtin.assert:
        that: platform is match('^[a-z]+$')
    - name: Say what would go
      ansible.builtin.debug:
        msg: "{{ 'Would go: ' ~ names | join(', ') ~ '.' if names else 'No stack is there.' }}"
      when: ansible_check_mode
"""


def test_roles_and_playbooks_only_name_values() -> None:
    found = {it.place: it for it in expressions(ROOT)}
    unexplained = [it for place, it in found.items() if place not in EXCEPTIONS]
    assert unexplained == [], "write a plugin with unit tests for what counts with variables"
    assert EXCEPTIONS.keys() - found.keys() == set(), "these are no exceptions any more"


def test_the_teardown_as_it_was_is_found(tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "teardown.yml").write_text(BEFORE)
    found = {it.place.removeprefix("playbooks/teardown.yml "): it for it in expressions(tmp_path)}
    assert {place: it.lines for place, it in found.items()} == {
        "vars stacks": 4,
        "vars services": 1,
        "vars log_groups": 4,
        "tasks ansible.builtin.assert that": 1,
        "tasks ansible.builtin.debug msg": 1,
    }
    assert "if and else" in found["tasks ansible.builtin.debug msg"].reasons


@pytest.mark.parametrize(
    "text",
    [
        "a plain text",
        "{{ checked.options.platform }}-service-{{ checked.options.name }}",
        "{{ checked.options.region or omit }}",
        "{{ stack.outputs.Url | default('') }}",
        "{{ {'quayside:platform': platform} | combine(tags) }}",
        "{{ lookup('quayside.fargate.image_digest', image, profile=profile or None) }}",
        "{{ functions.files['listener-priority'] }}",
    ],
)
def test_a_name_and_what_stands_for_it_are_no_logic(text: str) -> None:
    assert logic(text, condition=False) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{ 'a' if b else 'c' }}", "if and else"),
        ("{{ a | default({}) | combine(b) }}", "2 filters"),
        ("{{ a | map(attribute='b') }}", "filter map"),
        ("{{ a ~ '-b' }}", "a text put together"),
        ("{{ a + b }}", "arithmetic"),
        ("{{ a == b }}", "a comparison"),
        ("{{ a or b or c }}", "2 comparisons"),
        ("{{ a.startswith('b') }}", "a call"),
        ("{{ a[:2] }}", "a part cut out"),
        ("{{ a is match('b') }}", "test match"),
        ("{% for a in b %}{{ a }}{% endfor %}", "a statement For"),
    ],
)
def test_what_counts_is_logic(text: str, reason: str) -> None:
    assert reason in logic(text, condition=False)


def test_a_condition_names_one_state_or_two() -> None:
    assert logic("stack.outputs.Protected | default('true') == 'false'", condition=True) == []
    assert logic("not (all and abort)", condition=True) == []
    assert logic("a == 'b' and c != 'd'", condition=True) == ["3 comparisons"]
    assert logic("a | length > 0", condition=True) == ["filter length"]
