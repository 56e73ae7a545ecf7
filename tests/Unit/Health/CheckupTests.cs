using PgCluster.Engine.Configuration;
using PgCluster.Engine.Health;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Tests.Unit.Health;

public sealed class CheckupTests
{
    private static readonly ClusterConfig Config = new() { Name = "c", Nodes = [Node("pg01"), Node("pg02")] };

    private static readonly PoolerSettings Settings = new() { QueryWaitTimeoutSeconds = 120, QueryTimeoutSeconds = 0, ServerLoginRetrySeconds = 0.1, TcpUserTimeoutMilliseconds = 9000 };

    private static readonly ClusterView View = new()
    {
        Cluster = "c",
        Store = new StoreHealth(true, 5, [new("http://a", true, true, "3.5", ""), new("http://b", true, false, "3.5", "")]),
        PublishedPrimary = new StoreEntry("/p", "pg01", 1, 1, 1),
        Nodes = [Observed("pg01", NodeRole.Primary, 3), Observed("pg02", NodeRole.Standby, 3)],
        Poolers = [Pooler(Settings)],
    };

    private static readonly CheckupFacts Sound = new()
    {
        Config = Config,
        View = View,
        Leader = new LeaderRecord("pg01", 3, "t"),
        LastLeader = new LastLeader("pg01", 3, "t"),
        Consensus = Agreed(HealthState.Healthy),
        Outlook = new ElectionOutlook { Cluster = "c", Leader = "pg01", Winner = "pg02", Vouched = true, Evidence = "it has everything" },
        ClockOffsets = new Dictionary<string, TimeSpan> { ["pg01"] = TimeSpan.Zero, ["pg02"] = TimeSpan.FromSeconds(-0.9) },
        Settings = new Dictionary<string, ServerSettings> { ["pg01"] = new(true, false, TimeSpan.FromSeconds(5)), ["pg02"] = new(false, true, TimeSpan.FromSeconds(1)) },
    };

    [Fact]
    public void A_sound_cluster_passes_every_check()
    {
        var checks = Checkup.Run(Sound);
        Assert.All(checks, c => Assert.Equal(CheckStatus.Passed, c.Status));
        Assert.True(Checkup.IsSound(checks));
        Assert.Equal(
            [
                "StoreQuorum", "AgentAnswers", "OnePrimary", "PublishedPrimary", "OneLeader", "LeaderGuarded", "StandbyStreams", "SlotRetention", "Consensus", "Clock", "NotSuspended",
                "AutomaticFailover", "Successor", "CanBeRewound", "RetrieveRetry", "QueryWaitTimeout", "QueryTimeout", "PoolMode", "ServerLoginRetry", "TcpUserTimeout",
            ],
            checks.Select(c => c.Name));
    }

    public static TheoryData<string, CheckStatus, CheckupFacts> Faults => new()
    {
        { "StoreQuorum", CheckStatus.Failed, Sound with { View = View with { Store = new StoreHealth(false, 0, []) } } },
        { "StoreEndpoint", CheckStatus.Warning, Sound with { View = View with { Store = View.Store with { Endpoints = [new("http://a", false, false, "", "gone")] } } } },
        { "AgentAnswers", CheckStatus.Failed, WithNodes(View.Nodes[0], View.Nodes[1] with { Postgres = null }) },
        { "NodeAddress", CheckStatus.Warning, WithNodes(View.Nodes[0], View.Nodes[1] with { Address = "elsewhere:5432" }) },
        { "OnePrimary", CheckStatus.Failed, WithNodes(View.Nodes[1]) },
        { "OnePrimary", CheckStatus.Failed, WithNodes(View.Nodes[0], Observed("pg02", NodeRole.Primary, 4)) },
        { "PublishedPrimary", CheckStatus.Failed, Sound with { View = View with { PublishedPrimary = null } } },
        { "PublishedPrimary", CheckStatus.Failed, Sound with { View = View with { PublishedPrimary = new StoreEntry("/p", "pg02", 1, 1, 1) } } },
        { "OneLeader", CheckStatus.Failed, Sound with { Leader = null } },
        { "OneLeader", CheckStatus.Failed, Sound with { Leader = new LeaderRecord("pg02", 4, "u") } },
        { "LeaderGuarded", CheckStatus.Warning, Sound with { LastLeader = new LastLeader("pg01", 3, "t", Unguarded: true) } },
        { "StandbyStreams", CheckStatus.Failed, WithNodes(View.Nodes[0], Observed("pg02", NodeRole.Standby, 2)) },
        { "StandbyStreams", CheckStatus.Failed, WithNodes(View.Nodes[0], Observed("pg02", NodeRole.Standby, 3, NodeState.NotStreaming)) },
        { "SlotRetention", CheckStatus.Warning, WithNodes(WithSlot(View.Nodes[0], -1), View.Nodes[1]) },
        { "SlotRetention", CheckStatus.Warning, WithNodes(WithSlot(View.Nodes[0], null), View.Nodes[1]) },
        { "Consensus", CheckStatus.Failed, Sound with { Consensus = null } },
        { "Consensus", CheckStatus.Failed, Sound with { Consensus = Agreed(HealthState.Unhealthy) } },
        { "Consensus", CheckStatus.Failed, Sound with { Consensus = Agreed(HealthState.Healthy) with { Present = [] } } },
        { "Clock", CheckStatus.Warning, Sound with { ClockOffsets = new Dictionary<string, TimeSpan> { ["pg02"] = TimeSpan.FromSeconds(1.1) } } },
        { "Clock", CheckStatus.Warning, Sound with { ClockOffsets = new Dictionary<string, TimeSpan> { ["pg02"] = TimeSpan.FromSeconds(-1.1) } } },
        { "NotSuspended", CheckStatus.Warning, Sound with { Suspension = new ClusterSuspension { Cluster = "c", Owner = "me", Since = default, Until = default } } },
        { "AutomaticFailover", CheckStatus.Warning, Sound with { Config = Config with { Failover = new FailoverConfig { Mode = FailoverMode.Advice } } } },
        { "Successor", CheckStatus.Failed, Sound with { Outlook = null } },
        { "Successor", CheckStatus.Failed, Sound with { Outlook = Sound.Outlook! with { Winner = null } } },
        { "Successor", CheckStatus.Failed, Sound with { Outlook = Sound.Outlook! with { Vouched = false } } },
        { "Successor", CheckStatus.Warning, Sound with { Outlook = Sound.Outlook! with { Winner = null, Suspended = true } } },
        { "ServerSettings", CheckStatus.Warning, Sound with { Settings = new Dictionary<string, ServerSettings> { ["pg01"] = new(true, true, TimeSpan.Zero) } } },
        { "CanBeRewound", CheckStatus.Warning, WithSettings(new ServerSettings(false, false, TimeSpan.Zero)) },
        { "RetrieveRetry", CheckStatus.Warning, WithSettings(new ServerSettings(true, false, TimeSpan.FromSeconds(5))) },
        { "PoolerSettings", CheckStatus.Warning, WithPooler(Pooler(null)) },
        { "QueryWaitTimeout", CheckStatus.Failed, WithPooler(Pooler(Settings with { QueryWaitTimeoutSeconds = 15 })) },
        { "QueryWaitTimeout", CheckStatus.Warning, WithPooler(Pooler(Settings with { QueryWaitTimeoutSeconds = 16 })) },
        { "QueryWaitTimeout", CheckStatus.Warning, WithPooler(Pooler(Settings with { QueryWaitTimeoutSeconds = 25 })) },
        { "QueryTimeout", CheckStatus.Warning, WithPooler(Pooler(Settings with { QueryTimeoutSeconds = 25 })) },
        { "PoolMode", CheckStatus.Warning, WithPooler(Pooler(Settings, "transaction,session")) },
        { "ServerLoginRetry", CheckStatus.Warning, WithPooler(Pooler(Settings with { ServerLoginRetrySeconds = 1.5 })) },
        { "ServerLoginRetry", CheckStatus.Warning, WithPooler(Pooler(Settings with { ServerLoginRetrySeconds = 0 })) },
        { "TcpUserTimeout", CheckStatus.Warning, WithPooler(Pooler(Settings with { TcpUserTimeoutMilliseconds = 0 })) },
        { "TcpUserTimeout", CheckStatus.Warning, WithPooler(Pooler(Settings with { TcpUserTimeoutMilliseconds = 10001 })) },
        { "TcpUserTimeout", CheckStatus.Warning, WithPooler(Pooler(Settings with { TcpUserTimeoutMilliseconds = 5999 })) },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void What_is_wrong_is_said_with_evidence_and_remedy(string name, CheckStatus status, CheckupFacts facts)
    {
        var checks = Checkup.Run(facts);
        var check = Assert.Single(checks, c => c.Name == name && c.Status != CheckStatus.Passed);
        Assert.Equal(status, check.Status);
        Assert.All(checks.Where(c => c.Status != CheckStatus.Passed), c => Assert.True(c.Evidence.Length > 0 && c.Remedy.Length > 0, c.Name));
        Assert.Equal(checks.All(c => c.Status != CheckStatus.Failed), Checkup.IsSound(checks));
    }

    [Fact]
    public void A_leader_is_asked_for_only_where_the_agents_elect() =>
        Assert.DoesNotContain(Checkup.Run(Sound with { Leader = null, Config = Config with { Manager = ClusterManager.Pacemaker } }), c => c.Name == "OneLeader");

    [Fact]
    public void What_could_not_be_read_is_neither_praised_nor_blamed() =>
        Assert.DoesNotContain(Checkup.Run(Sound with { StoreWasRead = false, Leader = null }), c => c.Name is "OneLeader" or "LeaderGuarded" or "NotSuspended");

    [Fact]
    public void What_no_pooler_limits_and_what_one_does_not_say_is_no_fault() => Assert.All(
        Checkup.Run(WithPooler(Pooler(new PoolerSettings { QueryWaitTimeoutSeconds = 0 }), Pooler(Settings with { QueryWaitTimeoutSeconds = 25.1, QueryTimeoutSeconds = 25.1, ServerLoginRetrySeconds = 1 }))),
        c => Assert.Equal((c.Name, CheckStatus.Passed), (c.Name, c.Status)));

    private static CheckupFacts WithPooler(params PoolerObservation[] poolers) => Sound with { View = View with { Poolers = poolers } };

    private static PoolerObservation Pooler(PoolerSettings? settings, string mode = "transaction") =>
        new(new PoolerInfo { Cluster = "c", Name = "app", Host = "h", Port = 6432, PoolMode = mode, Settings = settings }, null, true);

    private static CheckupFacts WithNodes(params NodeObservation[] nodes) => Sound with { View = View with { Nodes = nodes } };

    private static CheckupFacts WithSettings(ServerSettings standby) =>
        Sound with { Settings = new Dictionary<string, ServerSettings> { ["pg01"] = new(true, true, TimeSpan.Zero), ["pg02"] = standby } };

    private static NodeObservation WithSlot(NodeObservation node, int? keep) =>
        node with { Postgres = node.Postgres! with { Slots = [new ReplicationSlot("s", false, true, false)], SlotWalKeepMegabytes = keep } };

    private static ConsensusView Agreed(HealthState second) => new(
        ["pg01", "pg02"], ["pg01", "pg02"], 2, [new HealthVerdict("pg01", HealthState.Healthy, 2, 2, []), new HealthVerdict("pg02", second, 0, 2, [])]);

    private static NodeObservation Observed(string name, NodeRole role, int timeline, NodeState state = NodeState.Running) => new(
        new ClusterNode { Cluster = "c", Name = name, Host = name, Port = 5432, Role = role, State = state, Timeline = timeline, Evidence = "seen" },
        new PostgresStatus { State = state, Role = role, Timeline = timeline });

    private static NodeConfig Node(string name) => new() { Name = name, Host = name, Agent = new HostPort(name, 1), Http = new HostPort(name, 2) };
}
