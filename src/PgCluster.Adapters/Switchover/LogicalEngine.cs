using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql.Replication;
using PgCluster.Adapters.Postgres;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// PostgreSQL's own logical replication. The first copy is ours, in parallel and in one snapshot, which the slot begins at; what changed since is
/// applied by a subscription. Tables left over from an interrupted copy are copied by PostgreSQL itself, whose own slots fill the time between.
/// </summary>
public sealed class LogicalEngine : IDataEngine
{
    private readonly SwitchoverDatabases _databases;
    private readonly SwitchoverCatalog _catalog;
    private readonly SwitchoverOptions _options;
    private readonly RunLinks _links;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly LogicalLink _link;
    private readonly LogicalLink _back;
    private LogicalReplicationConnection? _slotOwner;
    private string? _snapshot;

    /// <summary>Opens nothing yet.</summary>
    /// <param name="databases">Source and target; in a rollback they have changed places.</param>
    /// <param name="catalog">The source's.</param>
    /// <param name="options">What the user asked for; its URIs are those of <paramref name="databases"/>.</param>
    /// <param name="links">Names of this run's links.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where the copy is logged.</param>
    public LogicalEngine(
        SwitchoverDatabases databases, SwitchoverCatalog catalog, SwitchoverOptions options, RunLinks links, TimeProvider time, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(databases);
        ArgumentNullException.ThrowIfNull(links);
        _databases = databases;
        _catalog = catalog;
        _options = options;
        _links = links;
        _time = time;
        _logger = logger;
        _link = new LogicalLink(links.Forward, databases.Source, databases.Target);
        _back = new LogicalLink(links.Back, databases.Target, databases.Source);
    }

    /// <inheritdoc/>
    public async Task<string> TrackAsync(CancellationToken cancellationToken)
    {
        if (_links.Flowing)
        {
            return $"{_link.Name} flows already, {await _link.GetLagAsync(cancellationToken).ConfigureAwait(false)} bytes behind";
        }

        var whole = await ReplicaIdentities.EnsureAsync(_databases.Source, _catalog.Tables, _time, cancellationToken).ConfigureAwait(false);
        await _link.PublishAsync(_catalog.Tables, cancellationToken).ConfigureAwait(false);
        if (await _link.HasSlotAsync(cancellationToken).ConfigureAwait(false))
        {
            return $"slot {_link.Name} of the interrupted run is there";
        }

        var witness = await SlotWitness.CallAsync(_databases.Source, _link.Name, cancellationToken).ConfigureAwait(false);
        await using var witnessGuard = witness.ConfigureAwait(false);

        // The snapshot it exports lasts as long as this connection does nothing else.
        _slotOwner = new LogicalReplicationConnection(_databases.SourceUri.ToConnectionString().ConnectionString);
        await _slotOwner.Open(cancellationToken).ConfigureAwait(false);
        var slot = await _slotOwner.CreatePgOutputReplicationSlot(
            _link.Name, slotSnapshotInitMode: LogicalSlotSnapshotInitMode.Export, cancellationToken: cancellationToken).ConfigureAwait(false);
        await witness.TestifyAsync(_link.Name, cancellationToken).ConfigureAwait(false);
        _snapshot = slot.SnapshotName;
        return string.Create(
            CultureInfo.InvariantCulture, $"slot {_link.Name} from {slot.ConsistentPoint}, {_catalog.Tables.Count} tables published{(whole > 0 ? $", {whole} of them by whole rows" : "")}");
    }

    /// <inheritdoc/>
    public async Task<string> CopyAsync(IProgress<SwitchoverProgress> progress, CancellationToken cancellationToken)
    {
        if (_links.Flowing || await _link.HasSubscriptionAsync(cancellationToken).ConfigureAwait(false))
        {
            return "copied before";
        }

        if (_snapshot is null)
        {
            return await CopyRestAsync(cancellationToken).ConfigureAwait(false);
        }

        var copied = await new TableCopier(_databases, _time, _logger).CopyAsync(
            _catalog, new TableCopyRequest { Run = _links.RunId, Jobs = _options.Jobs, Snapshot = _snapshot, Truncate = _options.TruncateTarget }, progress, cancellationToken).ConfigureAwait(false);
        await ReleaseSnapshotAsync().ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture, $"{copied.Tables} tables, {copied.Rows} rows, {copied.Bytes} bytes in {copied.ElapsedSeconds:0.0} s");
    }

    /// <inheritdoc/>
    public async Task<string> CatchUpAsync(CancellationToken cancellationToken)
    {
        // In a rollback it is there already, unless the run before died between its flip and its end.
        await _link.SubscribeAsync(Reach(_options.SourceUriForTarget, _databases.SourceUri), cancellationToken).ConfigureAwait(false);
        var began = _time.GetTimestamp();
        var lag = await _link.CatchUpAsync(_options.MaxLag, _time, cancellationToken).ConfigureAwait(false);

        // The lag counts only what was confirmed: this proves that changes arrive.
        await _link.SettleAsync(_time, cancellationToken).ConfigureAwait(false);
        if (_options.WayBack)
        {
            await ReplicaIdentities.EnsureAsync(_databases.Target, _catalog.Tables, _time, cancellationToken).ConfigureAwait(false);
            await _back.PublishAsync(_catalog.Tables, cancellationToken).ConfigureAwait(false);
            await _back.PrepareSlotAsync(cancellationToken).ConfigureAwait(false);
        }

        return string.Create(CultureInfo.InvariantCulture, $"{lag} bytes behind after {_time.GetElapsedTime(began).TotalSeconds:0.0} s");
    }

    /// <inheritdoc/>
    public Task<long> GetLagAsync(CancellationToken cancellationToken) => _link.GetLagAsync(cancellationToken);

    /// <inheritdoc/>
    public async Task<string> DrainAsync(CancellationToken cancellationToken)
    {
        var took = await _link.SettleAsync(_time, cancellationToken).ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture, $"the target had every commit after {took.TotalMilliseconds:0} ms");
    }

    /// <inheritdoc/>
    public async Task<string> TurnAsync(CancellationToken cancellationToken)
    {
        await _link.DisableAsync(cancellationToken).ConfigureAwait(false);
        if (!_options.WayBack)
        {
            return "no way back was asked for";
        }

        await _back.KeepFromNowAsync(cancellationToken).ConfigureAwait(false);
        return $"slot {_back.Name} keeps what changes on the target from here on";
    }

    /// <inheritdoc/>
    public async Task<string> TurnBackAsync(CancellationToken cancellationToken)
    {
        await _link.SubscribeAsync(Reach(_options.SourceUriForTarget, _databases.SourceUri), cancellationToken).ConfigureAwait(false);
        return $"{_link.Name} flows again";
    }

    /// <inheritdoc/>
    public async Task<string> FlowBackAsync(CancellationToken cancellationToken)
    {
        await _link.RemoveAsync(_time, cancellationToken).ConfigureAwait(false);
        if (!_options.WayBack)
        {
            await ReplicaIdentities.RestoreAsync(_databases.Source, _time, cancellationToken).ConfigureAwait(false);
            return "nothing flows any more";
        }

        await _back.ForgetPreparedAsync(cancellationToken).ConfigureAwait(false);
        await _back.SubscribeAsync(Reach(_options.TargetUriForSource, _databases.TargetUri), cancellationToken).ConfigureAwait(false);
        return $"{_back.Name} keeps the old database in step with the new one";
    }

    /// <inheritdoc/>
    public async Task<string> AbandonAsync(CancellationToken cancellationToken)
    {
        await ReleaseSnapshotAsync().ConfigureAwait(false);
        await _back.RemoveAsync(_time, cancellationToken).ConfigureAwait(false);
        if (_links.Flowing)
        {
            // A rollback that did not happen: the old database goes on following the new one.
            await _link.SubscribeAsync(Reach(_options.SourceUriForTarget, _databases.SourceUri), cancellationToken).ConfigureAwait(false);
            return $"{_link.Name} flows on";
        }

        await _link.RemoveAsync(_time, cancellationToken).ConfigureAwait(false);
        await ReplicaIdentities.RestoreAsync(_databases.Target, _time, cancellationToken).ConfigureAwait(false);
        await ReplicaIdentities.RestoreAsync(_databases.Source, _time, cancellationToken).ConfigureAwait(false);
        return "publication, slot and subscription removed";
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await ReleaseSnapshotAsync().ConfigureAwait(false);

    private static LibpqUri Reach(string? other, LibpqUri own) => other is null ? own : LibpqUri.Parse(other);

    /// <summary>
    /// An interrupted run's snapshot is gone, and with it the moment its slot began at. Tables that were done by then stay, and their changes are in the slot;
    /// the others come from PostgreSQL's own table synchronization.
    /// </summary>
    private async Task<string> CopyRestAsync(CancellationToken cancellationToken)
    {
        var target = await _databases.Target.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = target.ConfigureAwait(false);
        var done = await TableCopier.ReadCompleteAsync(target, _links.RunId, cancellationToken).ConfigureAwait(false);
        var rest = _catalog.Tables.Where(t => !done.Contains(t.Name)).ToList();
        await _link.PublishOnlyAsync(_catalog.Tables.Where(t => done.Contains(t.Name)), cancellationToken).ConfigureAwait(false);
        await _link.SubscribeAsync(Reach(_options.SourceUriForTarget, _databases.SourceUri), cancellationToken).ConfigureAwait(false);
        if (rest.Count > 0)
        {
            await SwitchoverSession.BeginApplyAsync(target, durable: true, cancellationToken).ConfigureAwait(false);
            await TargetTables.TruncateAsync(target, [.. rest.Select(t => t.Name)], cancellationToken).ConfigureAwait(false);
            await Sql.ExecuteAsync(target, "COMMIT", cancellationToken).ConfigureAwait(false);
            await _link.PublishOnlyAsync(_catalog.Tables, cancellationToken).ConfigureAwait(false);
            await _link.RefreshAsync(_time, cancellationToken).ConfigureAwait(false);
        }

        return string.Create(CultureInfo.InvariantCulture, $"{done.Count} tables were copied before the interruption, {rest.Count} by table synchronization now");
    }

    private async Task ReleaseSnapshotAsync()
    {
        if (_slotOwner is { } owner)
        {
            _slotOwner = null;
            _snapshot = null;
            await owner.DisposeAsync().ConfigureAwait(false);
        }
    }
}
