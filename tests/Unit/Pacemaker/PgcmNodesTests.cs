using NSubstitute;
using NSubstitute.ExceptionExtensions;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Health;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Pacemaker;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Tests.Unit.Pacemaker;

/// <summary>A cluster of three some of whose agents are pgsql-cluster-manager's; pg01 is the primary and pg03 synchronous.</summary>
public sealed class PgcmNodesTests
{
    private static readonly Lsn Written = new(0x3000100);

    private readonly IClusterPeers _peers = Substitute.For<IClusterPeers>();
    private readonly IClusterStore _store = Substitute.For<IClusterStore>();
    private readonly ClusterConfig _config = new()
    {
        Name = "shop",
        Manager = ClusterManager.Pacemaker,
        Nodes = [.. Enumerable.Range(1, 3).Select(i => new NodeConfig { Name = $"pg0{i}", Host = $"10.0.0.{i}", Agent = new HostPort($"10.0.0.{i}", 8080), Http = new HostPort($"10.0.0.{i}", 8432) })],
    };

    private PacemakerReport _pacemaker = new()
    {
        HasQuorum = true,
        Fences = true,
        Resource = "Postgresql",
        Group = "msPostgresql",
        Primary = "pg01",
        Synchronous = "pg03",
        Members = [Member("pg01", NodeRole.Primary, SyncState.None, "PRI"), Member("pg02", NodeRole.Standby, SyncState.Potential, "HS:potential"), Member("pg03", NodeRole.Standby, SyncState.Sync, "HS:sync")],
    };

    public PgcmNodesTests()
    {
        _store.GetHealthAsync(Token).ReturnsForAnyArgs(new StoreHealth(true, 10, [new StoreEndpointHealth("http://127.0.0.1:2379", true, true, "3.4", "")]));
        _store.ListAsync(default!, Token).ReturnsForAnyArgs(new StoreRange([], 1));
        _store.GetAsync("/master", Token).ReturnsForAnyArgs(c => c.ArgAt<string>(0) == "/master" ? new StoreEntry("/master", "10.0.0.1", 1, 1, 1) : null);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_standby_with_their_agent_is_what_the_primary_s_agent_sees_of_it()
    {
        var nodes = await ObserveAsync("pg02", "pg03");

        Assert.Equal((NodeRole.Primary, NodeState.Running), (nodes[0].Node.Role, nodes[0].Node.State));
        Assert.Equal((true, NodeRole.Standby, NodeState.Running, SyncState.Sync), (nodes[2].IsPgcm, nodes[2].Node.Role, nodes[2].Node.State, nodes[2].Node.SyncState));
        Assert.Equal(("pg01", 5, 0x100L), (nodes[2].Node.Upstream, nodes[2].Node.Timeline, nodes[2].Node.LagBytes));
        Assert.Equal("pgsql-cluster-manager's agent; as pg01 sees it in Pacemaker: HS:sync", nodes[2].Node.Evidence);
        Assert.Equal(SyncState.Potential, nodes[1].Node.SyncState);
    }

    [Fact]
    public async Task Where_the_primary_says_that_nobody_of_that_name_streams_an_old_status_is_not_believed()
    {
        Answers("pg01", Primary() with { Standbys = [] });
        var node = (await ObserveAsync("pg02", "pg03"))[2].Node;

        Assert.Equal((NodeState.NotStreaming, SyncState.None, null), (node.State, node.SyncState, node.Upstream));
        Assert.Contains("does not stream from pg01", node.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_primary_with_their_agent_is_Pacemaker_s_and_so_is_who_is_synchronous()
    {
        var nodes = await ObserveAsync("pg01", "pg02");

        Assert.Equal((true, NodeRole.Primary, NodeState.Running, 5), (nodes[0].IsPgcm, nodes[0].Node.Role, nodes[0].Node.State, nodes[0].Node.Timeline));
        Assert.Equal("pgsql-cluster-manager's agent; as pg03 sees it in Pacemaker: PRI", nodes[0].Node.Evidence);
        Assert.Equal((false, SyncState.Sync), (nodes[2].IsPgcm, nodes[2].Node.SyncState));
        Assert.Equal(("pg01", SyncState.Potential), (nodes[1].Node.Upstream, nodes[1].Node.SyncState));
    }

    [Fact]
    public async Task Without_an_agent_of_ours_nothing_is_known_and_there_is_no_plan_but_what_to_do()
    {
        var assessment = await AssessAsync(new FailoverRequest(), "pg01", "pg02", "pg03");

        Assert.Empty(assessment.Plan.Steps);
        Assert.Equal(Reason.ForeignAgent, assessment.Refusal!.Reason);
        Assert.Contains("start pgcluster supervise there", assessment.Refusal.Message, StringComparison.Ordinal);
        Assert.Contains("pg01, pg02, pg03", assessment.Refusal.Message, StringComparison.Ordinal);
        Assert.Equal(["StoreQuorum", "AgentOfOurs"], assessment.Plan.Checks.Select(c => c.Name));
    }

    [Theory]
    [InlineData("pg03")]
    [InlineData("pg02", "pg03")]
    [InlineData("pg02")]
    public async Task Our_primary_moves_to_the_synchronous_standby_whoever_its_agent_is(params string[] theirs)
    {
        var plan = (await AssessAsync(new FailoverRequest(), theirs)).Plan;

        Assert.Null(FailoverAssessment.RefusalOf(plan));
        Assert.Equal(("pg01", "pg03"), (plan.From, plan.To));
        Assert.Equal(["lock", "recheck", "checkpoint", "move", "promote", "publish", "clear", "settle"], plan.Steps.Select(s => s.Name));
        Assert.Equal("pg01,pg02", plan.Steps[^1].Node);
        Assert.Equal(theirs, plan.Checks.Where(c => c is { Name: "AgentOfOurs", Status: CheckStatus.Warning }).Select(c => c.Evidence.Split(' ')[3]));
    }

    [Fact]
    public async Task Their_primary_moves_too_and_what_nobody_sees_there_is_a_warning()
    {
        var plan = (await AssessAsync(new FailoverRequest(), "pg01", "pg02")).Plan;

        Assert.Null(FailoverAssessment.RefusalOf(plan));
        Assert.Equal(["lock", "recheck", "move", "promote", "publish", "clear", "settle"], plan.Steps.Select(s => s.Name));

        // Nobody removes its lock file.
        Assert.Equal("pg02", plan.Steps[^1].Node);
        Assert.All(plan.Checks.Where(c => c.Name is "Slots" or "Archiver" or "PauseBlockers" or "AgentOfOurs"), c => Assert.Equal(CheckStatus.Warning, c.Status));
        Assert.Contains(plan.Checks, c => c.Evidence.Contains("stays down after the move", StringComparison.Ordinal));
        Assert.Contains("how much it has to replay is not known", plan.Candidates.Single(c => c.Node == "pg03").Reasons);

        var refused = await AssessAsync(new FailoverRequest { BlockerPolicy = BlockerPolicy.Abort }, "pg01", "pg02");
        Assert.Equal(Reason.ForeignAgent, refused.Refusal!.Reason);
    }

    [Fact]
    public async Task Nobody_but_the_synchronous_standby_is_a_target_there_either()
    {
        Assert.Equal(Reason.TargetNotEligible, (await AssessAsync(new FailoverRequest { Target = "pg02" }, "pg02", "pg03")).Refusal!.Reason);

        _pacemaker = _pacemaker with { Members = [.. _pacemaker.Members.Select(m => m with { SyncState = m.Role == NodeRole.Standby ? SyncState.Async : SyncState.None })] };
        Assert.Equal(Reason.NoEligibleCandidate, (await AssessAsync(new FailoverRequest(), "pg02", "pg03")).Refusal!.Reason);
    }

    [Fact]
    public async Task A_pooler_that_nobody_sees_is_paused_and_warned_of_and_its_proxy_is_not_asked_for()
    {
        var keeper = Substitute.For<IPoolerKeeper>();
        keeper.GetAsync(Token).ReturnsForAnyArgs(new PoolerInfo { Cluster = "shop", Name = "pg02", Host = "10.0.0.2", Port = 6432, State = PoolerState.Active, IsPgcm = true });
        _peers.Pooler(default!, default!).ReturnsForAnyArgs(keeper);
        var plan = (await AssessAsync(new FailoverRequest(), _config with { Poolers = [new PoolerConfig { Name = "pg02", Host = "10.0.0.2", Keeper = new HostPort("10.0.0.2", 8080) }] }, "pg02")).Plan;

        Assert.Null(FailoverAssessment.RefusalOf(plan));
        Assert.Equal(CheckStatus.Warning, plan.Checks.Single(c => c.Name == "PoolerUnseen").Status);
        Assert.DoesNotContain(plan.Checks, c => c.Name == "ProxyAlive");
        Assert.Equal(["pg02", "pg02", "pg02"], plan.Steps.Where(s => s.Name is "pause" or "repoint" or "resume").Select(s => s.Node));
    }

    [Fact]
    public async Task The_move_is_asked_of_whichever_agent_is_ours_and_a_refusal_of_ours_stands()
    {
        var (theirs, ours) = (Substitute.For<IPacemakerAgent>(), Substitute.For<IPacemakerAgent>());
        _peers.Pacemaker(default!).ReturnsForAnyArgs(c => c.ArgAt<string>(0) == "pg02" ? ours : theirs);
        theirs.SimulateMoveAsync(default!, Token).ThrowsAsyncForAnyArgs(new PgClusterException(Reason.ForeignAgent, "theirs"));
        ours.SimulateMoveAsync(default!, Token).ReturnsForAnyArgs(["Promote pg03"]);
        Assert.Equal(["Promote pg03"], await _peers.AnyAsync(_config, "pg03", a => a.SimulateMoveAsync("pg03", Token)));

        ours.SimulateMoveAsync(default!, Token).ThrowsAsyncForAnyArgs(new PgClusterException(Reason.NoQuorum, "no"));
        Assert.Equal(Reason.NoQuorum, (await Assert.ThrowsAsync<PgClusterException>(() => _peers.AnyAsync(_config, "pg03", a => a.SimulateMoveAsync("pg03", Token)))).Reason);

        _peers.Pacemaker(default!).ReturnsForAnyArgs(theirs);
        Assert.Equal(Reason.ForeignAgent, (await Assert.ThrowsAsync<PgClusterException>(() => _peers.AnyAsync(_config, "pg03", a => a.SimulateMoveAsync("pg03", Token)))).Reason);
    }

    [Fact]
    public async Task The_checkup_warns_of_their_agents_and_looks_at_their_servers()
    {
        Script("pg02", "pg03");
        var view = await new ClusterObserver(_store, _peers, _config, TimeProvider.System).ObserveAsync(Token);
        var checks = Checkup.Run(new CheckupFacts { Config = _config, View = view });

        Assert.Equal(2, checks.Count(c => c is { Name: "AgentOfOurs", Status: CheckStatus.Warning }));
        Assert.Equal(2, checks.Count(c => c is { Name: "StandbyStreams", Status: CheckStatus.Passed }));
        Assert.DoesNotContain(checks, c => c is { Name: "AgentAnswers", Status: CheckStatus.Failed });
    }

    [Fact]
    public async Task A_node_with_their_agent_is_well_when_its_server_answers()
    {
        Script("pg02");
        _peers.PostgresAnswersAsync("10.0.0.2", 5432, Arg.Any<CancellationToken>()).Returns(true);
        var probe = (await new NodeProber(_peers, _config, TimeSpan.FromSeconds(10), TimeProvider.System).ProbeAsync([_config.Nodes[1], _config.Nodes[2]], Token)).ToArray();

        Assert.Equal([true, false], probe.Select(p => p.Success));
    }

    private static PacemakerMember Member(string name, NodeRole role, SyncState sync, string evidence) => new(name, true, false, role, sync, new Dictionary<string, int>(), evidence) { State = NodeState.Running };

    private static PostgresStatus Primary() => new()
    {
        State = NodeState.Running,
        Role = NodeRole.Primary,
        Timeline = 5,
        Lsn = Written,
        Standbys = [Peer("pg02"), Peer("pg03")],
        Evidence = "it writes",
    };

    private static ReplicationPeer Peer(string name) => new(name, "streaming", name == "pg03" ? SyncState.Sync : SyncState.Potential, Written, Written, new Lsn(Written.Value - 0x100));

    private static PostgresStatus Standby() => new()
    {
        State = NodeState.Running,
        Role = NodeRole.Standby,
        Timeline = 5,
        Lsn = Written,
        ReplayLsn = Written,
        UpstreamAddress = "10.0.0.1:5432",
        Evidence = "it streams",
    };

    private readonly Dictionary<string, PostgresStatus> _servers = new(StringComparer.Ordinal) { ["pg01"] = Primary(), ["pg02"] = Standby(), ["pg03"] = Standby() };

    private void Answers(string node, PostgresStatus status) => _servers[node] = status;

    private void Script(params string[] theirs)
    {
        foreach (var (name, status) in _servers)
        {
            var agent = Substitute.For<INodeAgent>();
            agent.GetOpenTransactionsAsync(default, Token).ReturnsForAnyArgs([]);
            if (theirs.Contains(name))
            {
                agent.GetStatusAsync(Token).ThrowsAsyncForAnyArgs(new PgClusterException(Reason.ForeignAgent, $"the agent of {name} is pgsql-cluster-manager's"));
            }
            else
            {
                agent.GetStatusAsync(Token).ReturnsForAnyArgs(new NodeReport(name, status, "1", DateTimeOffset.UnixEpoch) { Pacemaker = _pacemaker });
            }

            _peers.Node(name).Returns(agent);
        }
    }

    private Task<IReadOnlyList<NodeObservation>> ObserveAsync(params string[] theirs)
    {
        Script(theirs);
        return new ClusterObserver(_store, _peers, _config, TimeProvider.System).ObserveNodesAsync(Token);
    }

    private Task<FailoverAssessment> AssessAsync(FailoverRequest request, params string[] theirs) => AssessAsync(request, _config, theirs);

    private async Task<FailoverAssessment> AssessAsync(FailoverRequest request, ClusterConfig config, params string[] theirs)
    {
        Script(theirs);
        var view = await new ClusterObserver(_store, _peers, config, TimeProvider.System).ObserveAsync(Token);
        return FailoverPlanner.Assess(view, request, config.Failover, "op1");
    }
}
