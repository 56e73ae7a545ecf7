using PgCluster.Engine.Health;
using PgCluster.Engine.Nodes;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Health;

public sealed class NodeHealthTrackerTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly NodeHealthTracker _node;

    public NodeHealthTrackerTests() => _node = new NodeHealthTracker("G1", _time);

    [Fact]
    public void PR33_Three_looks_in_a_row_make_it_healthy_and_one_that_fails_ends_that()
    {
        Assert.Equal(HealthState.Unknown, _node.State);
        Assert.Null(_node.Vote());
        Assert.Equal(
            [HealthState.Unknown, HealthState.Unknown, HealthState.Healthy, HealthState.Unhealthy, HealthState.Unhealthy, HealthState.Unhealthy, HealthState.Healthy],
            new[] { true, true, true, false, true, true, true }.Select(Look));
    }

    [Fact]
    public void PR33_A_first_look_that_fails_makes_it_unhealthy() => Assert.Equal(HealthState.Unhealthy, Look(false));

    [Fact]
    public async Task PR33_Any_number_of_threads_may_use_it()
    {
        await Parallel.ForAsync(0, 2000, TestContext.Current.CancellationToken, (i, _) =>
        {
            _node.Record(Clinic.Look("G1", i % 7 != 0));
            Assert.NotNull(_node.Vote());
            return ValueTask.CompletedTask;
        });
        Assert.Equal([HealthState.Unhealthy, HealthState.Unhealthy, HealthState.Unhealthy, HealthState.Healthy], new[] { false, true, true, true }.Select(Look));
    }

    [Fact]
    public void Its_vote_has_the_ages_of_the_last_look_and_of_the_last_that_found_it_well()
    {
        _node.Record(Clinic.Look("G1", true, _time.GetTimestamp()));
        _time.Advance(TimeSpan.FromSeconds(2));
        _node.Record(Clinic.Look("G1", false, _time.GetTimestamp()));
        _time.Advance(TimeSpan.FromSeconds(0.5));

        // The wall clock has no part in it.
        _time.SetUtcNow(DateTimeOffset.UnixEpoch);
        Assert.Equal(new HealthVote("G1", 500, 2500, false, false, false, 3, "gone"), _node.Vote());
    }

    [Theory]
    [InlineData(NodeState.Running, true, true)]
    [InlineData(NodeState.NotStreaming, true, true)]
    [InlineData(NodeState.Running, false, false)]
    [InlineData(NodeState.Starting, true, false)]
    [InlineData(NodeState.Stopped, true, false)]
    [InlineData(NodeState.Crashed, true, false)]
    [InlineData(null, true, false)]
    public void Well_is_a_node_whose_agent_and_server_both_say_so(NodeState? agent, bool postgres, bool well) =>
        Assert.Equal(well, new NodeProbe("G1", 0, default, agent is { } state ? Clinic.Report("G1", state: state) : null, postgres, "").Success);

    private HealthState Look(bool well)
    {
        _node.Record(Clinic.Look("G1", well));
        return _node.State;
    }
}
