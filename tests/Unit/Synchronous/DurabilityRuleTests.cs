using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Engine.Synchronous;
using PgCluster.Engine.Topology;

namespace PgCluster.Tests.Unit.Synchronous;

public sealed class DurabilityRuleTests
{
    // A node is name/domain, with - when it is down. The first is the primary. The answers are the losses in the order of their names: + survives, - does not.
    [Theory]
    [InlineData("pg01/a pg02/b pg03/c", "ANY 1 (pg02, pg03)", "Node", "+++")]
    [InlineData("pg01/a pg02/b pg03/c", "", "Node", "-++")]
    // One of the two that may have acknowledged is down already: it may be the one that did.
    [InlineData("pg01/a pg02/b pg03/c-", "ANY 1 (pg02, pg03)", "Node", "-++")]
    [InlineData("pg01/a pg02/b pg03/c-", "ANY 1 (pg02)", "Node", "+++")]
    [InlineData("pg01/a pg02/b pg03/c-", "ANY 2 (pg02, pg03)", "Node", "+++")]
    // The primary's domain takes a standby along that may have been the only one.
    [InlineData("pg01/a pg02/a pg03/b", "ANY 1 (pg02, pg03)", "Zone", "-+")]
    [InlineData("pg01/a pg02/a pg03/b", "ANY 1 (pg03)", "Zone", "++")]
    [InlineData("pg01/a pg02/a pg03/b", "ANY 2 (pg02, pg03)", "Zone", "++")]
    [InlineData("pg01/a pg02/a", "ANY 1 (pg02)", "Zone", "-")]
    // Without a domain a node is one of its own.
    [InlineData("pg01/ pg02/ pg03/", "ANY 1 (pg02, pg03)", "Zone", "+++")]
    public void Which_losses_are_survived(string nodes, string list, string scope, string answers)
    {
        var verdicts = DurabilityRule.Judge(View(nodes, list), Cluster, Enum.Parse<DurabilityScope>(scope));

        Assert.Equal(answers, string.Concat(verdicts.Select(v => v.Survives ? '+' : '-')));
        Assert.All(verdicts, v => Assert.Equal(v.Survives || v.Advice.Length > 0, v.Evidence.Length > 0));
        Assert.All(verdicts, v => Assert.True(v.W == 0 || v.R + v.W > v.N));
    }

    [Fact]
    public void A_loss_that_is_not_survived_has_its_counter_example_and_what_to_do()
    {
        var zone = DurabilityRule.Judge(View("pg01/a pg02/a pg03/b", "ANY 1 (pg02, pg03)"), Cluster, DurabilityScope.Zone)[0];

        Assert.Equal(("a", 2, 1, 2), (zone.Lost, zone.N, zone.W, zone.R));
        Assert.Equal(["pg01", "pg02"], zone.LostNodes);
        Assert.Equal(["pg03"], zone.Votes);
        Assert.StartsWith("a commit that pg02 acknowledged and nobody else has: no node may take over (pg03 cannot be known", zone.Evidence, StringComparison.Ordinal);
        Assert.Contains("outside a", zone.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Nobody_waited_for_is_a_commit_lost()
    {
        var node = DurabilityRule.Judge(View("pg01/a pg02/b pg03/c", ""), Cluster, DurabilityScope.Node)[0];

        Assert.Equal("a commit that no standby has yet is lost: pg02 becomes the primary without it", node.Evidence);
        Assert.Contains("synchronous.mode", node.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_of_before_counts_as_long_as_it_is_on_record()
    {
        var view = View("pg01/a pg02/b pg03/c", "ANY 1 (pg03)");
        view = view with { Synchronous = view.Synchronous! with { Previous = SynchronousPolicyRecord.Parse("pg01", 1, "pg02") } };

        Assert.False(DurabilityRule.Judge(view, Cluster, DurabilityScope.Node)[0].Survives);
    }

    [Fact]
    public void Without_a_primary_nothing_can_be_said() =>
        Assert.Equal(Reason.NoPrimary, Assert.Throws<PgClusterException>(() =>
            DurabilityRule.Judge(View("pg01/a pg02/b", "pg02") with { Nodes = [] }, Cluster, DurabilityScope.Node)).Reason);

    private static readonly ClusterConfig Cluster = new() { Name = "c" };

    private static ClusterView View(string nodes, string list) => new()
    {
        Cluster = "c",
        Store = new StoreHealth(true, 1, []),
        Poolers = [],
        Synchronous = SynchronousPolicyRecord.Parse("pg01", 1, list),
        Nodes = [.. nodes.Split(' ').Select((n, i) =>
        {
            var (name, domain) = (n.Split('/')[0], n.Split('/')[1].TrimEnd('-'));
            var role = i == 0 ? NodeRole.Primary : NodeRole.Standby;
            var state = n.EndsWith('-') ? NodeState.Stopped : NodeState.Running;
            return new NodeObservation(
                new ClusterNode { Cluster = "c", Name = name, Host = "h", Port = 5432 + i, Role = role, State = state, Timeline = 1, FailureDomain = domain },
                new PostgresStatus { Role = role, State = state, Timeline = 1, Lsn = new Lsn(100), Evidence = "as it is" });
        })],
    };
}
