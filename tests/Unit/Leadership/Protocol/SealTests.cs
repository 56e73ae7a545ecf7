namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>While commits wait for standbys none that was acknowledged is lost even where nothing stops the old primary: whoever voted receives nothing from it any more.</summary>
public sealed class SealTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(3, 1, 1)]
    [InlineData(3, 2, 2001)]
    [InlineData(4, 2, 3001)]
    public void Without_any_guard_there_are_two_writers_and_nothing_is_lost(int nodes, int standbys, int seed)
    {
        var result = RandomWalks.Of(Unfenced with { Nodes = nodes, Standbys = standbys }, seed, 1_000, 60, recovers: false);

        output.Sound(result);
        Assert.True(result.TwoWriters > 100, $"{result.TwoWriters} states with two writers");
    }

    [Fact]
    public void An_agent_that_was_frozen_in_the_start_of_its_server_starts_one_that_acknowledges_nothing()
    {
        // a crashed, nobody took over, and a is frozen after its last look at its lease: its guard finds nothing to kill, and b leads.
        const int a = 0, b = 1, c = 2;
        var result = Script.Of(
            new ProtocolSetup { FreezesInTheStart = true, Faults = 2, Commits = 2, Kinds = ProtocolFaults.FreezeAgent | ProtocolFaults.CrashServer },
            new(MoveKind.CrashServer, a), new(MoveKind.Look, a), new(MoveKind.Serve, a), new(MoveKind.Look, a, Move.OthersHadTheirChance), new(MoveKind.TakeArrives, a),
            new(MoveKind.TakeHeard, a), new(MoveKind.Serve, a), new(MoveKind.Freeze, a), new(MoveKind.Time, 0, 30), new(MoveKind.LeaseEnds, 0, 3), new(MoveKind.Look, b),
            new(MoveKind.Vote, b, b), new(MoveKind.Vote, b, c), new(MoveKind.Decide, b), new(MoveKind.TakeArrives, b), new(MoveKind.TakeHeard, b), new(MoveKind.Serve, b),
            new(MoveKind.StartUnderWay, b), new(MoveKind.Look, c), new(MoveKind.Commit, b), new(MoveKind.Stream, c, b), new(MoveKind.Stream, c, b), new(MoveKind.Acknowledge, b),
            new(MoveKind.Thaw, a), new(MoveKind.StartUnderWay, a), new(MoveKind.Commit, a), new(MoveKind.Acknowledge, a));

        output.Sound(result);
        Assert.Equal(2, result.TwoWriters);
        Assert.Contains(new Move(MoveKind.Acknowledge, b), result.Trace);
        Assert.DoesNotContain(new Move(MoveKind.Acknowledge, a), result.Trace);
    }

    private static ProtocolSetup Unfenced => new() { ForbidsTwoWriters = false, Rules = new() { Guard = false }, Faults = 4, Commits = 5, Kinds = ProtocolFaults.FreezeAgent | ProtocolFaults.FreezeNode | ProtocolFaults.CutPeers };
}
