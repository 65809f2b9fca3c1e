"""The scenarios and their codes."""

from synth_assets.generator.realistic.scenarios import FRAUDS, LOOK_ALIKES, SCENARIOS, ScenarioCode


def test_a_scenario_has_the_place_of_its_code():
    assert [scenario.code for scenario in SCENARIOS] == list(ScenarioCode)


def test_names_are_those_of_files_that_were_written_before():
    assert [scenario.name for scenario in SCENARIOS] == [
        "card_testing", "stolen_credentials", "account_takeover", "lost_or_stolen", "counterfeit", "friendly_fraud",
        "small_payments", "on_line_spree", "new_phone", "shopping_tour", "journey", "visit",
    ]  # fmt: skip


def test_shares_are_all_of_their_kind():
    for kind in (FRAUDS, LOOK_ALIKES):
        assert sum(scenario.share for scenario in kind) == 100


def test_twelve_equal_draws_give_every_channel_its_share():
    assert all(12 % len(scenario.channels) == 0 for scenario in SCENARIOS)
