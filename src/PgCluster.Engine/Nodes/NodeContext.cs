using System.Globalization;
using Microsoft.Extensions.Logging;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Health;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Rejoin;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Nodes;

/// <summary>
/// What the parts of an agent share: its node's ports, its hold of the leadership, and what it remembers from look to look. One gate orders commands and the
/// agent's own actions, so that neither sees the other half-done.
/// </summary>
internal sealed class NodeContext : IDisposable
{
    private readonly HealthWatch _consensus;
    private readonly ClusterMembership _membership;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly SemaphoreSlim _wake = new(0, 1);
    private volatile string? _stoppedFor;
    private volatile bool _stoppedByAgent;
    private volatile int _endsOnCommand;
    private volatile bool _starting = true;

    public NodeContext(
        NodeConfig self, ClusterMembership membership, IPostgresServer server, IClusterStore store, IClusterPeers peers, HealthWatch consensus, ILeaderGuard guard,
        TimeProvider time, ILogger logger, string version, string machine)
    {
        var config = membership.Config;
        Self = self;
        _membership = membership;
        Config = config;
        Server = server;
        Store = store;
        Peers = peers;
        _consensus = consensus;
        Guard = guard;
        Time = time;
        Logger = logger;
        Version = version;
        Contacts = new KeeperContacts(store, peers, Config, time);
        Keys = new StoreKeys(config.Etcd.PrimaryKey);
        Address = new PrimaryAddress(self.Host, self.Port).ToString();
        Place = $"{machine}:{self.DataDirectory}";
        Report = new ReportKey(self.Name, Place, config.Agent.StateTtl, store);
        Silence = new LeaderSilence(time);
        Seat = new LeaderSeat(self.Name, new LeaderTiming(config.Leader.Ttl), store, guard, time, logger) { Enforced = CrashRule.AnotherMayTakeOver(config, self) };
    }

    public NodeConfig Self { get; }

    public ClusterConfig Config { get; }

    public IPostgresServer Server { get; }

    public IClusterStore Store { get; }

    public IClusterPeers Peers { get; }

    /// <summary>The keepers of the poolers.</summary>
    public KeeperContacts Contacts { get; }

    public ILeaderGuard Guard { get; }

    public TimeProvider Time { get; }

    public ILogger Logger { get; }

    /// <summary>Version of the agent.</summary>
    public string Version { get; }

    public StoreKeys Keys { get; }

    /// <summary>What is published while this node is the primary.</summary>
    public string Address { get; }

    /// <summary>Where this agent is: its machine's name and the data directory.</summary>
    public string Place { get; }

    public LeaderSeat Seat { get; }

    /// <summary>How long the leader has been silent.</summary>
    public LeaderSilence Silence { get; }

    /// <summary>When the silence of the last look's leader means something next, unless it is heard of; null when nobody else leads, or its silence means nothing.</summary>
    public TimeSpan? NextSilence { get; set; }

    /// <summary>The server as last probed; null before the first probe.</summary>
    public PostgresStatus? Status { get; set; }

    /// <summary>This node's report in the store.</summary>
    public ReportKey Report { get; }

    /// <summary>The operation for which the server was stopped, and which has to settle that; null when there is none.</summary>
    public string? StoppedFor
    {
        get => _stoppedFor;
        set => _stoppedFor = value;
    }

    /// <summary>True when the agent itself stopped the server, because this node must not lead.</summary>
    public bool StoppedByAgent
    {
        get => _stoppedByAgent;
        set => _stoppedByAgent = value;
    }

    /// <summary>Process id of a postmaster that this agent ended to start it again: its end is no crash. 0 when there was none.</summary>
    public int EndsOnCommand
    {
        get => _endsOnCommand;
        set => _endsOnCommand = value;
    }

    /// <summary>True until the first look that was complete.</summary>
    public bool Starting
    {
        get => _starting;
        set => _starting = value;
    }

    /// <summary>True when the server ran already when the agent came; null before the first look.</summary>
    public bool? FoundRunning { get; set; }

    /// <summary>Which database system the cluster is, as last read; null when nobody has said so.</summary>
    public ClusterIdentity? Cluster { get; set; }

    /// <summary>Why the agent leaves its server alone until the cluster is initialised; null when it does not, or has not looked yet.</summary>
    public string? WaitsFor { get; set; }

    /// <summary>The nodes out of service, as last read.</summary>
    public IReadOnlyDictionary<string, NodeSuspension> SuspendedNodes { get; set; } = new Dictionary<string, NodeSuspension>();

    /// <summary>What another node's agent said last while it led; null when this agent has seen no other leader.</summary>
    public NodeReport? LastSaidByLeader { get; set; }

    /// <summary>Timestamp since when nobody leads; 0 while somebody does.</summary>
    public long LeaderlessSince { get; set; }

    /// <summary>Timestamp since when this standby streams from nobody; 0 while it streams.</summary>
    public long StrandedSince { get; set; }

    /// <summary>A look at the server as a report of this node.</summary>
    public NodeReport Describe(PostgresStatus status) => new(Self.Name, Judge(status), Version, Time.GetUtcNow())
    {
        Address = new PrimaryAddress(Self.Host, Self.Port).ToHostAndPort(),
        Place = Place,
        FoundRunning = FoundRunning == true,
        MembersRevision = _membership.Revision,
    };

    /// <summary>True while the nodes that this agent began with are the cluster's.</summary>
    public bool IsCurrent(Members members) => _membership.IsCurrent(members);

    /// <summary>Refuses to do anything to a server that is not this cluster's to command.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.ForeignServer"/>, <see cref="Reason.NotInitialized"/>.</exception>
    public void RefuseUnlessOurs(PostgresStatus? status)
    {
        if (Cluster is { } cluster && cluster.IsForeign(status?.SystemIdentifier))
        {
            throw new PgClusterException(Reason.ForeignServer, Foreign(cluster, status!)) { Target = Self.Name };
        }

        if (WaitsFor is { } why)
        {
            throw new PgClusterException(Reason.NotInitialized, $"{Self.Name} waits until the cluster is initialised: {why}") { Target = Self.Name };
        }
    }

    /// <summary>What the agent remembers beyond the configuration it works by.</summary>
    public NodeMemory Memory
    {
        get => new(Starting, StoppedByAgent, FoundRunning, Cluster, LeaderlessSince, StrandedSince);
        set => (Starting, StoppedByAgent, FoundRunning, Cluster, LeaderlessSince, StrandedSince) =
            (value.Starting, value.StoppedByAgent, value.FoundRunning, value.Cluster, value.LeaderlessSince, value.StrandedSince);
    }

    private PostgresStatus Judge(PostgresStatus status) =>
        Cluster is { } cluster && cluster.IsForeign(status.SystemIdentifier) ? status with { State = NodeState.Foreign, Evidence = $"{Foreign(cluster, status)}; {status.Evidence}" }
        : WaitsFor is { } why ? status with { Evidence = $"waits until the cluster is initialised: {why}; {status.Evidence}" }
        : status;

    private string Foreign(ClusterIdentity cluster, PostgresStatus status) =>
        $"the data directory {Self.DataDirectory} of {Self.Name} is of another cluster: its system identifier is {status.SystemIdentifier}, that of {cluster.Name} is {cluster.SystemIdentifier}";

    /// <summary>The observers' verdict on a node; null when there is none.</summary>
    public bool? IsHealthy(string node) => _consensus.Now().Of(node).State switch
    {
        HealthState.Healthy => true,
        HealthState.Unhealthy => false,
        _ => null,
    };

    /// <summary>Whether the PostgreSQL of another node answers, asked directly, in a tenth of a lease.</summary>
    public async Task<bool> PostgresAnswersAsync(string name, CancellationToken cancellationToken)
    {
        using var budget = new CancellationTokenSource(new LeaderTiming(Config.Leader.Ttl).StopBudget, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        try
        {
            var upstream = UpstreamOf(name);
            return await Peers.PostgresAnswersAsync(upstream.Host, upstream.Port, either.Token).WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>What a node's agent said last; null when it has not, or its lease is over.</summary>
    public async Task<NodeReport?> ReportOfAsync(string name, CancellationToken cancellationToken) =>
        await Store.GetAsync(StoreKeys.Nodes + name, cancellationToken).ConfigureAwait(false) is { } entry ? NodeReport.FromJson(entry.Value) : null;

    /// <summary>Whether a node is out of service, as last read.</summary>
    public bool IsSuspended(string node) => SuspendedNodes.ContainsKey(node);

    /// <summary>Where a node of the configuration is streamed from.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NodeNotFound"/>.</exception>
    public UpstreamAddress UpstreamOf(string name)
    {
        var node = Config.Nodes.FirstOrDefault(n => n.Name == name)
            ?? throw new PgClusterException(Reason.NodeNotFound, $"{name} leads, and this node's configuration does not have it") { Target = name };
        return new UpstreamAddress(node.Name, node.Host, node.Port);
    }

    /// <summary>Where the leader of a look is streamed from, through the slot that it keeps for this node.</summary>
    public UpstreamAddress LeaderOf(NodeSituation situation) => UpstreamOf(situation.Leader!.Node) with
    {
        Slot = SlotPolicy.ToStreamThrough(Config, Self.Name, situation.Server, situation.LeaderSlots),
    };

    /// <summary>host:port of a node, as a standby's status says where it streams from.</summary>
    public static string TextOf(UpstreamAddress upstream) => string.Create(CultureInfo.InvariantCulture, $"{upstream.Host}:{upstream.Port}");

    /// <summary>Waits for the gate; it is held until the result is disposed.</summary>
    public async Task<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        return new Entered(_gate);
    }

    /// <summary>Makes the next look come at once.</summary>
    public void Wake()
    {
        try
        {
            _wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // A look is due already; it will see this change too.
        }
    }

    /// <summary>Returns after <see cref="Wake"/>, or after that time.</summary>
    public Task WaitAsync(TimeSpan time, CancellationToken cancellationToken) => _wake.WaitAsync(time, cancellationToken);

    public void Dispose()
    {
        _gate.Dispose();
        _wake.Dispose();
    }

    private sealed class Entered(SemaphoreSlim gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }
}
