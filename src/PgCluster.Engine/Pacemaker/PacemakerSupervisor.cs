using Microsoft.Extensions.Logging;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Maintenance;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pacemaker;

/// <summary>
/// The agent of one node, manager pacemaker: Pacemaker decides who is the primary, and starts, stops and promotes servers. This publishes what it decides, keeps Pacemaker as the store asks for it, and has an old
/// primary started again where that is safe.
/// </summary>
public sealed class PacemakerSupervisor : INodeWatch, IAsyncDisposable
{
    private readonly PacemakerContext _node;
    private readonly PacemakerPublisher _publisher;
    private readonly PacemakerDebts _debts;
    private readonly OldPrimary _oldPrimary;
    private readonly RedirectSettler _redirects;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private string? _said;

    /// <summary>Makes the agent of node <paramref name="self"/>; it takes over neither the server's nor the store's disposal.</summary>
    /// <param name="self">The node.</param>
    /// <param name="config">Its cluster.</param>
    /// <param name="server">Its PostgreSQL, which Pacemaker starts and stops.</param>
    /// <param name="servers">Asks those of other nodes.</param>
    /// <param name="pacemaker">Pacemaker on this machine.</param>
    /// <param name="store">Where the cluster agrees.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The log.</param>
    /// <param name="version">Version of the agent, for its report.</param>
    /// <param name="machine">Name of the machine it runs on, for its report.</param>
    public PacemakerSupervisor(
        NodeConfig self, ClusterConfig config, IPostgresServer server, IServerProbe servers, IPacemaker pacemaker, IClusterStore store, TimeProvider time, ILogger<PacemakerSupervisor> logger, string version, string machine)
    {
        ArgumentNullException.ThrowIfNull(config);
        _node = new PacemakerContext(self, config, server, servers, pacemaker, store, time, logger, version, machine);
        _publisher = new PacemakerPublisher(_node);
        _debts = new PacemakerDebts(_node);
        _oldPrimary = new OldPrimary(_node);

        // Until then a pause of the redirect's client may still be held.
        _redirects = new RedirectSettler(server, store, config.Failover.PauseExpiry, time, logger);
        Commands = new PacemakerCommands(_node, _publisher, _debts, _oldPrimary, _gate);
    }

    /// <summary>What this agent does for others.</summary>
    public PacemakerCommands Commands { get; }

    /// <inheritdoc/>
    public PostgresStatus? LastStatus => _node.Status;

    /// <inheritdoc/>
    public bool IsSuspended => _node.SuspendedNodes.ContainsKey(_node.Self.Name);

    /// <inheritdoc/>
    public bool StoreReachable => _node.Report.IsAlive;

    /// <inheritdoc/>
    public NodeReport Describe(PostgresStatus status) => _node.Describe(status);

    /// <summary>Works until <paramref name="cancellationToken"/> ends it; server and Pacemaker stay as they are then.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var watching = Task.WhenAll(WatchPacemakerAsync(cancellationToken), WatchStoreAsync(_node.Keys.Primary, false, cancellationToken), WatchStoreAsync(StoreKeys.Suspended, true, cancellationToken));
        try
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                await TurnAsync(cancellationToken).ConfigureAwait(false);
                await _node.WaitAsync(_node.Config.Pacemaker.PollInterval, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }

        await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Withdraws the node's report from the store.</summary>
    public async ValueTask DisposeAsync()
    {
        await _node.Report.DisposeAsync().ConfigureAwait(false);
        _node.Dispose();
        _gate.Dispose();
    }

    private async Task TurnAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var published = _publisher.ReadAsync(cancellationToken);
            var probe = _node.ProbeAsync(cancellationToken);
            await Task.WhenAll(published, probe).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var own = await probe.ConfigureAwait(false);
            var before = await published.ConfigureAwait(false);

            var look = await _node.LookAsync(cancellationToken).ConfigureAwait(false);
            Say(look);
            await _publisher.TurnAsync(before, look, own, cancellationToken).ConfigureAwait(false);
            await _node.Report.PutAsync(_node.Describe(own), cancellationToken).ConfigureAwait(false);

            _node.SuspendedNodes = await NodeSuspensions.ReadAsync(_node.Store, cancellationToken).ConfigureAwait(false);
            var suspended = await _node.Store.GetAsync(StoreKeys.Suspended, cancellationToken).ConfigureAwait(false) is not null;
            await _debts.TurnAsync(look, suspended, cancellationToken).ConfigureAwait(false);
            await _oldPrimary.TurnAsync(look, own, cancellationToken).ConfigureAwait(false);
            if (own is { Role: NodeRole.Primary, State: NodeState.Running })
            {
                await _redirects.TurnAsync(await _node.Store.GetLockAsync(_node.Keys.Lock, cancellationToken).ConfigureAwait(false) is not null, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (PgClusterException e)
        {
            PacemakerLog.TurnFailed(_node.Logger, e.Reason, e.Message);
        }
#pragma warning disable CA1031 // A defect in one look must not leave the node without an agent: the next look may do better.
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            PacemakerLog.Defect(_node.Logger, e);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Says who is what when that has changed.</summary>
    private void Say(PacemakerLook look)
    {
        var what = look.Report.Error ?? $"{look.Report.Primary} {look.Report.Synchronous}";
        if (what == _said)
        {
            return;
        }

        _said = what;
        if (look.Report.Error is { } error)
        {
            PacemakerLog.Unusable(_node.Logger, error);
        }
        else
        {
            PacemakerLog.Roles(_node.Logger, look.Report.Primary ?? "nobody", look.Report.Synchronous ?? "nobody");
        }
    }

    /// <summary>Looks again when something has happened to a resource.</summary>
    private async Task WatchPacemakerAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await foreach (var _ in _node.Pacemaker.WatchAsync(cancellationToken).ConfigureAwait(false))
                {
                    _node.Wake();
                }
            }
            catch (PgClusterException e)
            {
                PacemakerLog.NotWatching(_node.Logger, _node.Config.Pacemaker.PollInterval.TotalSeconds, e.Message);
                if (e.Reason == Reason.MissingProgram)
                {
                    return;
                }
            }

            // It ends with Pacemaker, too, and comes back with it.
            await Task.Delay(_node.Config.Agent.StateTtl, _node.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Looks again when a key has changed.</summary>
    private async Task WatchStoreAsync(string key, bool isPrefix, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var watch = await _node.Store.WatchAsync(key, isPrefix, fromRevision: 0, cancellationToken).ConfigureAwait(false);
                await using (watch.ConfigureAwait(false))
                {
                    _node.Wake();
                    await foreach (var _ in watch.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                    {
                        _node.Wake();
                    }
                }
            }
            catch (PgClusterException e)
            {
                PacemakerLog.TurnFailed(_node.Logger, e.Reason, e.Message);
                await Task.Delay(_node.Config.Agent.KeyRetryInterval, _node.Time, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
