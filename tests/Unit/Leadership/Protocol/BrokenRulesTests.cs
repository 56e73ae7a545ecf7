using PgCluster.Engine.Election;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>Each rule of the protocol broken once: the search finds what that leads to. Two nodes and every order where that is near, so that the example is the shortest.</summary>
public sealed class BrokenRulesTests(ITestOutputHelper output)
{
    private static ProtocolSetup Small => new() { Nodes = 2, Standbys = 0, Faults = 1, Commits = 0 };

    private static ProtocolSetup Larger => new() { Nodes = 3, Standbys = 1, Faults = 1, Commits = 1 };

    [Fact]
    public void Without_a_guard_a_frozen_agent_makes_two_writers() =>
        output.Caught(Invariants.OneWriter, EveryOrder.Of(Small with { Rules = new() { Guard = false }, Kinds = ProtocolFaults.FreezeAgent }, 10));

    [Fact]
    public void Without_a_margin_a_slow_clock_makes_two_writers() =>
        output.Caught(Invariants.OneWriter, EveryOrder.Of(Small with { Rules = new() { Margin = false }, Kinds = ProtocolFaults.FreezeAgent }, 11));

    [Fact]
    public void A_step_down_that_gives_back_a_later_term_makes_two_writers() =>
        output.Caught(Invariants.OneWriter, EveryOrder.Of(Small with { Rules = new() { StepDownEndsItsOwnTerm = false }, Faults = 0 }, 16));

    [Fact]
    public void A_take_in_doubt_that_is_revoked_makes_two_writers() =>
        output.Caught(Invariants.OneWriter, EveryOrder.Of(Small with { Rules = new() { DoubtLeavesKeyAndGuard = false }, Kinds = ProtocolFaults.CutStore }, 14));

    [Fact]
    public void A_take_that_puts_the_deadline_off_before_it_is_done_makes_two_writers() => output.Caught(
        Invariants.OneWriter,
        EveryOrder.Of(Small with { Rules = new() { TakeKeepsTheDeadline = false }, Faults = 2, Kinds = ProtocolFaults.KillAgent | ProtocolFaults.CutStore }, 14));

    [Fact]
    public void A_takeover_from_a_leader_that_was_heard_of_all_the_same_makes_two_writers() =>
        output.Caught(Invariants.OneWriter, Some(Small with { Rules = new() { TakeNeedsSilence = false }, Faults = 2, Kinds = ProtocolFaults.FreezeAgent }));

    [Fact]
    public void A_leader_that_others_count_as_silent_while_it_renews_its_lease_makes_two_writers() =>
        output.Caught(Invariants.OneWriter, EveryOrder.Of(Small with { Rules = new() { SeatNeedsBeats = false }, Faults = 0 }, 12));

    [Fact]
    public void A_seat_that_waits_for_its_keeper_makes_two_writers() =>
        output.Caught(Invariants.OneWriter, Some(Small with { Rules = new() { SeatGoesByTheClock = false }, Faults = 2, Kinds = ProtocolFaults.FreezeAgent }));

    [Fact]
    public void A_take_without_conditions_makes_two_writers() => output.Caught(
        Invariants.OneWriter,
        Some(Larger with { Rules = new() { TakeNeedsTheKeyAsRead = false, TakeNeedsTheRestAsRead = false }, Faults = 2, Kinds = ProtocolFaults.CrashServer }));

    [Fact]
    public void An_election_that_counts_no_votes_loses_a_commit() => output.Caught(
        Invariants.NothingIsLost, Some(Larger with { Elect = s => ElectionPolicy.Decide(s with { Synchronous = s.Synchronous! with { Count = 0, Previous = null } }), Kinds = ProtocolFaults.CrashServer }));

    [Fact]
    public void An_agent_that_starts_its_primary_whoever_leads_makes_two_writers() => output.Caught(
        Invariants.OneWriter,
        EveryOrder.Of(
            Small with
            {
                Decide = s => s.Server is { State: NodeState.Crashed, Role: NodeRole.Primary } ? NodeAction.Start : NodeDecider.Decide(s), Kinds = ProtocolFaults.FreezeAgent,
            },
            14));

    [Fact]
    public void A_vote_that_seals_nothing_loses_a_commit_to_a_node_that_was_frozen() =>
        output.Caught(Invariants.NothingIsLost, Some(Larger with { Rules = new() { VotesSeal = false }, Kinds = ProtocolFaults.FreezeNode }));

    [Fact]
    public void A_standby_that_follows_another_than_the_leader_loses_a_commit() =>
        output.Caught(Invariants.NothingIsLost, Some(Larger with { Rules = new() { FollowsTheLeaderOnly = false }, Kinds = ProtocolFaults.FreezeNode }));

    [Fact]
    public void A_server_found_down_at_a_bad_moment_never_comes_back_without_being_remembered() => output.Caught(
        Invariants.SomebodyLeads,
        RandomWalks.Of(new ProtocolSetup { Faults = 5, Commits = 6, FineSteps = true, Plans = 1, Rules = new() { FoundDownComesBack = false } }, 1, 500, 60, recovers: true));

    private static SearchResult Some(ProtocolSetup setup) => RandomWalks.Of(setup, 1, 12_000, 45, recovers: false);
}
