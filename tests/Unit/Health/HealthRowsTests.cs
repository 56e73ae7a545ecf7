using PgCluster.Engine.Configuration;
using PgCluster.Engine.Health;

namespace PgCluster.Tests.Unit.Health;

public sealed class HealthRowsTests
{
    private static readonly ClusterConfig Config = new()
    {
        Name = "c",
        Nodes = [Node("G1"), Node("G2") with { NoFailover = true }, Node("G3")],
    };

    private static readonly Dictionary<string, NodeSuspension> Nobody = [];

    [Fact]
    public void A_node_out_of_service_is_one_whatever_else_was_decided()
    {
        var suspension = new NodeSuspension { Cluster = "c", Name = "G2", Owner = "ann@db", Why = "a new disk", Since = default };

        var rows = HealthRows.Nodes(Config, [], null, new Dictionary<string, NodeSuspension> { ["G2"] = suspension });

        Assert.Equal([("Normal", null), ("Suspended", "suspended by ann@db: a new disk"), ("Normal", null)], rows.Select(r => (r.Administrative, r.Suspended)));
    }

    [Fact]
    public void The_three_views_stand_side_by_side()
    {
        var consensus = new Clinic().Round("G1", ("G1", true), ("G2", true), ("G3", false)).Round("P", ("G1", true), ("G2", false), ("G3", false)).See();
        var rows = HealthRows.Nodes(Config, [Clinic.Look("G1", false), Clinic.Look("G2", true)], consensus, Nobody);

        Assert.Equal([HealthState.Unhealthy, HealthState.Healthy, HealthState.Unknown], rows.Select(r => r.Local));
        Assert.Equal([HealthState.Healthy, HealthState.Unhealthy, HealthState.Unhealthy], rows.Select(r => r.Consensus));
        Assert.Equal(["Normal", "NoFailover", "Normal"], rows.Select(r => r.Administrative));
        Assert.Equal([(2, 2, 2), (1, 2, 2), (0, 2, 2)], rows.Select(r => (r.HealthyVotes, r.Needed, r.Voters)));
        Assert.Equal(["G1", "P"], rows[0].Votes.Select(v => v.Observer));
        Assert.Equal(["gone", "well", ""], rows.Select(r => r.Evidence));
    }

    [Fact]
    public void Without_the_store_there_is_no_consensus() =>
        Assert.All(HealthRows.Nodes(Config, [], null, Nobody), r => Assert.Equal((HealthState.Unknown, 0, 0), (r.Consensus, r.Voters, r.Needed)));

    [Fact]
    public void Of_the_quorum_it_says_who_is_missing()
    {
        var quorum = HealthRows.Quorum(Config, [Report("G1", 1, true), Report("witness", 15, true), Report("old", 70, true)]);

        Assert.Equal(["G1", "witness"], quorum.Voters);
        Assert.Equal(["G1"], quorum.Present);
        Assert.Equal(["G2", "G3", "old", "witness"], quorum.Missing);
        Assert.Equal((2, false), (quorum.Needed, quorum.HasQuorum));
        Assert.Equal(["G1", "G2", "G3", "old", "witness"], quorum.Observers.Select(o => o.Name));
        Assert.Equal(["", "has written nothing", "has written nothing", "has not looked for 70.0 s", "has not looked for 15.0 s"], quorum.Observers.Select(o => o.Evidence));
        Assert.Equal([true, true, true, false, false], quorum.Observers.Select(o => o.IsAgent));
        Assert.Equal(["G1"], quorum.Observers[0].SeesHealthy);
        Assert.Empty(quorum.Observers[4].SeesHealthy);
    }

    [Theory]
    [InlineData("witness", true)]
    [InlineData("w-1.example_2", true)]
    [InlineData("G1", false)]
    [InlineData("", false)]
    [InlineData("a/b", false)]
    [InlineData("ä", false)]
    public void An_observer_has_a_name_of_its_own(string name, bool good)
    {
        var error = Record.Exception(() => ObserverName.Check(name, Config));
        Assert.Equal(good ? null : Reason.InvalidArgument, (error as PgClusterException)?.Reason);
    }

    private static ObserverView Report(string observer, double age, bool well) =>
        new(new HealthReport(observer, default, [new HealthVote("G1", age * 1000, well ? age * 1000 : null, well, well, well, 1, "")]), TimeSpan.Zero);

    private static NodeConfig Node(string name) => new() { Name = name, Host = "h", Agent = new HostPort("h", 1), Http = new HostPort("h", 2) };
}
