using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Maintenance;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Election;

/// <summary>
/// One look at who may lead next: what the store says, the votes of all agents, and the verdict. Whoever wins takes the leadership only if the store still
/// says what it said here.
/// </summary>
public sealed class ElectionBallot
{
    // A node that is slow must not hold up a takeover that needs nothing of it.
    private static readonly TimeSpan GraceForTheRest = TimeSpan.FromMilliseconds(250);

    private ElectionBallot(
        StoreEntry? leader, StoreEntry? beat, StoreEntry? lastLeader, StoreEntry? operation, StoreEntry? synchronous, StoreEntry? suspended, StoreEntry? cluster,
        IReadOnlyDictionary<string, NodeSuspension> suspendedNodes)
    {
        Cluster = ClusterIdentity.FromJson(cluster?.Value);
        LeaderEntry = leader;
        Leader = LeaderRecord.FromJson(leader?.Value);
        Beat = beat;
        LastLeader = LastLeader.FromJson(lastLeader?.Value);
        Operation = OperationDecision.FromJson(operation?.Value);
        Synchronous = SynchronousPolicyRecord.FromJson(synchronous?.Value);
        Unchanged = [Same(StoreKeys.LastLeader, lastLeader), Same(StoreKeys.Operation, operation), Same(StoreKeys.Synchronous, synchronous), Same(StoreKeys.Cluster, cluster)];
        IsSuspended = suspended is not null;
        SuspendedNodes = suspendedNodes;
    }

    /// <summary>The leader's key as it was read; null when it was absent.</summary>
    public StoreEntry? LeaderEntry { get; }

    /// <summary>Who leads; null when nobody does. An election may be held only then, or when the leader has been silent for too long.</summary>
    public LeaderRecord? Leader { get; }

    /// <summary>The leader's latest beat; null when there never was one.</summary>
    public StoreEntry? Beat { get; }

    /// <summary>What makes void a takeover from a leader that has been silent, when it is heard of all the same.</summary>
    public StoreCondition StillSilent => Same(StoreKeys.LeaderBeat, Beat);

    /// <summary>Which database system the cluster is; null when nobody has said so.</summary>
    public ClusterIdentity? Cluster { get; }

    /// <summary>Who led last.</summary>
    public LastLeader? LastLeader { get; private set; }

    /// <summary>The operation of the last decision.</summary>
    public OperationDecision? Operation { get; }

    /// <summary>The synchronous policies that hold.</summary>
    public SynchronousPolicyRecord? Synchronous { get; }

    /// <summary>True while nobody may take over by himself.</summary>
    public bool IsSuspended { get; }

    /// <summary>The nodes out of service: they vote, and do not lead.</summary>
    public IReadOnlyDictionary<string, NodeSuspension> SuspendedNodes { get; }

    /// <summary>What makes a takeover void when it does not hold any more.</summary>
    public IReadOnlyList<StoreCondition> Unchanged { get; }

    /// <summary>The verdict; null before <see cref="VoteAsync"/>.</summary>
    public ElectionVerdict? Verdict { get; private set; }

    /// <summary>The standbys that have voted: whoever wins can count on them; null before <see cref="VoteAsync"/>.</summary>
    public IReadOnlyList<string>? Voters { get; private set; }

    /// <summary>Reads the store.</summary>
    public static async Task<ElectionBallot> ReadAsync(IClusterStore store, CancellationToken cancellationToken)
    {
        // The leader first: what is read after that is at least as new as its absence.
        var leader = await store.GetAsync(StoreKeys.Leader, cancellationToken).ConfigureAwait(false);
        var beat = store.GetAsync(StoreKeys.LeaderBeat, cancellationToken);
        var last = store.GetAsync(StoreKeys.LastLeader, cancellationToken);
        var operation = store.GetAsync(StoreKeys.Operation, cancellationToken);
        var synchronous = store.GetAsync(StoreKeys.Synchronous, cancellationToken);
        var suspended = store.GetAsync(StoreKeys.Suspended, cancellationToken);
        var cluster = store.GetAsync(StoreKeys.Cluster, cancellationToken);
        var suspendedNodes = NodeSuspensions.ReadAsync(store, cancellationToken);
        await Task.WhenAll(beat, last, operation, synchronous, suspended, cluster, suspendedNodes).ConfigureAwait(false);
        return new ElectionBallot(
            leader, await beat.ConfigureAwait(false), await last.ConfigureAwait(false), await operation.ConfigureAwait(false), await synchronous.ConfigureAwait(false), await suspended.ConfigureAwait(false),
            await cluster.ConfigureAwait(false), await suspendedNodes.ConfigureAwait(false));
    }

    /// <summary>For a rehearsal: as if the last leader had been guarded, which a mode without automatic failover leaves out.</summary>
    public ElectionBallot AsGuarded()
    {
        LastLeader = LastLeader is { } last ? last with { Unguarded = false } : null;
        return this;
    }

    /// <summary>Asks every agent for its vote, all at once, and decides.</summary>
    /// <param name="config">The cluster.</param>
    /// <param name="ask">Asks one node.</param>
    /// <param name="lost">A node that is not asked, because this is about its loss; null for none.</param>
    /// <param name="isHealthy">The observers' verdict on a node; null when there is none.</param>
    /// <param name="time">The clock of the budgets.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<ElectionVerdict> VoteAsync(
        ClusterConfig config, Func<NodeConfig, CancellationToken, Task<NodeReport>> ask, string? lost, Func<string, bool?> isHealthy, TimeProvider time,
        CancellationToken cancellationToken)
    {
        using var budget = new CancellationTokenSource(config.Failover.HealthCheckTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        var asked = config.Nodes.Select(n => (Node: n, Answer: n.Name == lost ? Task.FromResult<(NodeReport? Report, string Silence)>((null, "it leads now, and this is about its loss")) : AskAsync(n, ask, either.Token))).ToArray();

        // Nothing that a lost leader or a node that all observers miss could say is worth waiting for, except of one that nobody but itself may follow.
        var needed = Task.WhenAll(asked.Where(a => a.Node.Name == LastLeader?.Node ? LastLeader.MayStillRun : isHealthy(a.Node.Name) != false).Select(a => a.Answer));
        var first = await Task.WhenAny(needed, EnoughAsync()).ConfigureAwait(false);
        if (first != needed)
        {
            await Task.WhenAny(needed, Task.Delay(GraceForTheRest, time, either.Token)).ConfigureAwait(false);
        }

        cancellationToken.ThrowIfCancellationRequested();
        Voters = [.. asked.Where(a => a.Answer.IsCompletedSuccessfully && a.Answer.Result.Report?.Postgres.Role == NodeRole.Standby).Select(a => a.Node.Name)];
        return Verdict = Decide();

        ElectionVerdict Decide() => ElectionPolicy.Decide(new ElectionSituation(
            [.. asked.Select(a =>
            {
                var (report, silence) = a.Answer.IsCompletedSuccessfully ? a.Answer.Result : (null, "its agent has not answered yet");
                return new ElectionNode(
                    a.Node.Name, a.Node.FailureDomain, a.Node.Weight, report?.Postgres, silence, a.Node.NoFailover ? "is marked no_failover" : SuspendedNodes.TryGetValue(a.Node.Name, out var suspended) ? $"is {suspended}" : null, isHealthy(a.Node.Name));
            })],
            LastLeader, Synchronous, config.Failover.MaxLag));

        async Task EnoughAsync()
        {
            var left = asked.Select(a => (Task)a.Answer).ToList();
            while (left.Count > 0 && Decide() is not { Winner: not null, Vouched: true })
            {
                left.Remove(await Task.WhenAny(left).ConfigureAwait(false));
            }
        }
    }

    private static async Task<(NodeReport? Report, string Silence)> AskAsync(
        NodeConfig node, Func<NodeConfig, CancellationToken, Task<NodeReport>> ask, CancellationToken cancellationToken)
    {
        try
        {
            return (await ask(node, cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false), "");
        }
        catch (PgClusterException e)
        {
            return (null, $"its agent does not answer: {e.Message}");
        }
        catch (OperationCanceledException)
        {
            return (null, "its agent does not answer in time");
        }
    }

    private static StoreCondition Same(string key, StoreEntry? entry) =>
        entry is null ? new StoreCondition.Absent(key) : new StoreCondition.ModRevisionIs(key, entry.ModRevision);
}
