"""The network of the demonstration."""

from __future__ import annotations

from pathlib import Path

from stats.demo.network import PARAMS, DemoScale, SurveyFolders, survey_plan


def test_several_people_share_a_process_and_none_is_at_the_issuers_or_the_collectors_provider() -> None:
    scale = DemoScale(people=120, per_process=50, base_port=20_000)
    plan = survey_plan(scale, SurveyFolders(Path("/demo")))
    issuer, collector, *people = plan.programs
    assert (issuer.name, collector.name) == ("stats-issuer", "stats")
    assert [len(each.command) - 6 for each in people] == [50, 50, 20]
    assert people[2].command[-1] == "{network}/people/0120"
    assert people[2].status_file == "../people/0120/api.url"
    hosts = {service.name: service.provider for service in plan.services}
    assert hosts == {"stats-issuer": 1, "stats": 2}
    assert {scale.provider_of(person) for person in range(1, 121)} == {"provider-3", "provider-4"}


def test_clients_pull_all_that_their_streams_bring() -> None:
    assert PARAMS.pulls_suffice


def test_a_third_of_all_reports_are_released_together() -> None:
    assert DemoScale(people=300).threshold == 100
