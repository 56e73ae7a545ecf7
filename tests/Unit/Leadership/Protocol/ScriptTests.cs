using PgCluster.Engine.Configuration;
using PgCluster.Engine.Election;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>Traces too long for a search to find, each with its rule and without.</summary>
public sealed class ScriptTests(ITestOutputHelper output)
{
    private const int A = 0;
    private const int B = 1;
    private const int C = 2;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_policy_without_the_one_before_loses_a_commit(bool joined)
    {
        // b acknowledged; then only c is asked for, which has not got that far.
        var result = Script.Of(
            new ProtocolSetup
            {
                Method = SynchronousMethod.First, OtherList = "FIRST 1 (c)", Faults = 1, Commits = 1, Kinds = ProtocolFaults.CrashServer,
                Rules = new() { PoliciesAreJoined = joined },
            },
            new(MoveKind.Commit, A), new(MoveKind.Stream, B, A), new(MoveKind.Acknowledge, A), new(MoveKind.ListByHand, A), new(MoveKind.Look, A), new(MoveKind.CrashServer, A),
            new(MoveKind.Look, A), new(MoveKind.Serve, A), new(MoveKind.Look, C), new(MoveKind.Vote, C, C), new(MoveKind.Decide, C), new(MoveKind.TakeArrives, C),
            new(MoveKind.TakeHeard, C), new(MoveKind.Serve, C));

        if (joined)
        {
            output.Sound(result);
            Assert.DoesNotContain(result.Trace, move => move.Kind == MoveKind.TakeArrives);
        }
        else
        {
            output.Caught(Invariants.NothingIsLost, result);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_lead_that_does_not_look_again_leaves_the_key_with_a_node_that_must_not_use_it(bool looks)
    {
        // a is frozen between its look and the lead it decided on. Meanwhile b leads, has a commit acknowledged, and gives the leadership back.
        var result = Script.Of(
            new ProtocolSetup
            {
                Method = SynchronousMethod.First, FineSteps = true, Faults = 2, Commits = 1, Kinds = ProtocolFaults.FreezeAgent | ProtocolFaults.CrashServer,
                Rules = new() { LeadLooksAgain = looks },
            },
            new(MoveKind.Time, 0, 10), new(MoveKind.Time, 0, 14), new(MoveKind.Look, A), new(MoveKind.Freeze, A), new(MoveKind.Time, 0, 6), new(MoveKind.LeaseEnds, 0, 1),
            new(MoveKind.Look, B), new(MoveKind.Act, B), new(MoveKind.Vote, B, B), new(MoveKind.Vote, B, C), new(MoveKind.Decide, B), new(MoveKind.TakeArrives, B),
            new(MoveKind.TakeHeard, B), new(MoveKind.Serve, B), new(MoveKind.Look, C), new(MoveKind.Act, C), new(MoveKind.Commit, B), new(MoveKind.Stream, C, B),
            new(MoveKind.Stream, C, B), new(MoveKind.Acknowledge, B), new(MoveKind.CrashServer, B), new(MoveKind.Look, B), new(MoveKind.Act, B), new(MoveKind.Serve, B),
            new(MoveKind.Thaw, A), new(MoveKind.Act, A), new(MoveKind.TakeArrives, A), new(MoveKind.TakeHeard, A), new(MoveKind.Serve, A));

        if (looks)
        {
            output.Sound(result);
            Assert.DoesNotContain(new Move(MoveKind.TakeArrives, A), result.Trace);
        }
        else
        {
            output.Caught(Invariants.SomebodyLeads, result);
        }
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void A_list_that_leaves_the_record_while_somebody_acknowledges_by_it_loses_a_commit(bool waitsUntilAlone, bool asksOnceAlone)
    {
        // b was away, and c alone is named. b's WAL sender still acknowledges by the list before, after a's agent has looked at its server and before it has judged what it saw.
        var result = Script.Of(
            new ProtocolSetup
            {
                Mode = SynchronousMode.Availability, Method = SynchronousMethod.First, FineSteps = true, Faults = 2, Commits = 1,
                Kinds = ProtocolFaults.CutPeers | ProtocolFaults.CrashServer, Rules = new() { WaitsUntilAlone = waitsUntilAlone, AsksOnceAlone = asksOnceAlone },
            },
            new(MoveKind.CutPeers, A, B), new(MoveKind.Look, A, Move.AwayForLong), new(MoveKind.Act, A), new(MoveKind.Look, A, Move.AwayForLong), new(MoveKind.Act, A),
            new(MoveKind.Enforce, A), new(MoveKind.HealPeers, A, B), new(MoveKind.Look, A), new(MoveKind.Act, A), new(MoveKind.Look, A), new(MoveKind.Commit, A),
            new(MoveKind.Stream, B, A), new(MoveKind.Acknowledge, A), new(MoveKind.SendersCatchUp, A), new(MoveKind.Act, A), new(MoveKind.Look, A), new(MoveKind.Act, A),
            new(MoveKind.CrashServer, A), new(MoveKind.Look, A), new(MoveKind.Act, A), new(MoveKind.Serve, A), new(MoveKind.Look, C), new(MoveKind.Act, C),
            new(MoveKind.Vote, C, C), new(MoveKind.Decide, C), new(MoveKind.TakeArrives, C), new(MoveKind.TakeHeard, C), new(MoveKind.Serve, C));

        if (waitsUntilAlone && asksOnceAlone)
        {
            output.Sound(result);
        }
        else
        {
            output.Caught(Invariants.NothingIsLost, result);
        }

        Assert.Contains(new Move(MoveKind.Acknowledge, A), result.Trace);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_leader_that_disarms_its_guard_before_it_has_said_so_makes_two_writers(bool saysSo)
    {
        // a is cut off and frozen when it has seen that the cluster is suspended and nobody else knows that its guard is off.
        var result = Script.Of(
            new ProtocolSetup
            {
                Nodes = 2, Standbys = 0, Commits = 0, Suspensions = 1, FineSteps = true, Kinds = ProtocolFaults.CutStore | ProtocolFaults.FreezeAgent,
                Rules = new() { SaysSoBeforeItDisarms = saysSo },
            },
            new(MoveKind.Suspend), new(MoveKind.Look, A), new(MoveKind.CutStore, A), new(MoveKind.Act, A), new(MoveKind.Freeze, A), new(MoveKind.Resume), new(MoveKind.Time, 0, 30),
            new(MoveKind.LeaseEnds, 0, 1), new(MoveKind.Look, B), new(MoveKind.Act, B), new(MoveKind.Vote, B, B), new(MoveKind.Decide, B), new(MoveKind.TakeArrives, B),
            new(MoveKind.TakeHeard, B), new(MoveKind.Serve, B));

        Judge(saysSo, result);
        Assert.Contains(new Move(MoveKind.Serve, B), result.Trace);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_election_after_a_leader_without_a_guard_makes_two_writers(bool knows)
    {
        var result = Script.Of(
            new ProtocolSetup
            {
                Nodes = 2, Standbys = 0, Commits = 0, Suspensions = 1, Kinds = ProtocolFaults.FreezeAgent,
                Elect = s => ElectionPolicy.Decide(knows ? s : s with { LastLeader = s.LastLeader! with { Unguarded = false } }),
            },
            new(MoveKind.Suspend), new(MoveKind.Look, A), new(MoveKind.Freeze, A), new(MoveKind.Resume), new(MoveKind.Time, 0, 30), new(MoveKind.LeaseEnds, 0, 1),
            new(MoveKind.Look, B), new(MoveKind.Vote, B, B), new(MoveKind.Decide, B), new(MoveKind.TakeArrives, B), new(MoveKind.TakeHeard, B), new(MoveKind.Serve, B));

        Judge(knows, result);
        Assert.Contains(new Move(MoveKind.Decide, B), result.Trace);
    }

    [Fact]
    public void A_target_that_takes_over_without_a_guard_and_is_never_promoted_may_lead_all_the_same()
    {
        // Nobody was to take over while the cluster was suspended, and b's lease ended before its promotion.
        var result = Script.Of(
            new ProtocolSetup { Suspensions = 1, Plans = 1, Faults = 0, FineSteps = true },
            new(MoveKind.Suspend), new(MoveKind.Look, B), new(MoveKind.Act, B), new(MoveKind.PlanBegins, A, B), new(MoveKind.PlanStops, A), new(MoveKind.PlanPromotes, B),
            new(MoveKind.TakeArrives, B), new(MoveKind.Time, 0, 30), new(MoveKind.LeaseEnds, 0, 1), new(MoveKind.Time, 0, 30), new(MoveKind.TakeHeard, B), new(MoveKind.Serve, B),
            new(MoveKind.StepDownStops, B), new(MoveKind.StepDownReleases, B), new(MoveKind.PlanDies), new(MoveKind.Resume));

        output.Sound(result);
        Assert.Contains(new Move(MoveKind.StepDownStops, B), result.Trace);
    }

    private void Judge(bool isSound, SearchResult result)
    {
        if (isSound)
        {
            output.Sound(result);
        }
        else
        {
            output.Caught(Invariants.OneWriter, result);
        }
    }
}
