using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// Carries rows with triggers that log the keys of changed rows, and syncs that bring those rows over. Needs no logical replication: its role owns the source's
/// tables and may create a schema there, and may set session_replication_role on the target.
/// </summary>
public sealed class ChangelogEngine : IDataEngine
{
    // A sync that takes no longer than this is what clients may wait for.
    private static readonly TimeSpan _shortSync = TimeSpan.FromMilliseconds(250);

    private readonly SwitchoverDatabases _databases;
    private readonly SwitchoverOptions _options;
    private readonly Guid _run;
    private readonly bool _following;
    private readonly IFencedSource? _fence;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ChangeTracking _onSource;
    private readonly ChangeTracking _onTarget;
    private SwitchoverCatalog? _catalog;
    private ChangeSync? _sync;
    private bool _targetTracked;

    /// <summary>Connects to nothing yet.</summary>
    /// <param name="databases">Source and target; for a way back they have changed places. They stay the caller's.</param>
    /// <param name="options">What is moved.</param>
    /// <param name="run">The run: after an interruption the same one goes on with what it has.</param>
    /// <param name="following">True for a way back: the source has kept its changes since the flip, and the target has every row as it was then.</param>
    /// <param name="fence">Reads the source when writers have been stopped; null when nothing is to be drained.</param>
    /// <param name="time">Where time comes from.</param>
    /// <param name="logger">Where it says what it does.</param>
    public ChangelogEngine(SwitchoverDatabases databases, SwitchoverOptions options, Guid run, bool following, IFencedSource? fence, TimeProvider time, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(databases);
        ArgumentNullException.ThrowIfNull(options);
        _databases = databases;
        _options = options;
        _run = run;
        _following = following;
        _fence = fence;
        _time = time;
        _logger = logger;
        _onSource = new ChangeTracking(databases.Source, time, logger);
        _onTarget = new ChangeTracking(databases.Target, time, logger);
    }

    /// <inheritdoc/>
    /// <exception cref="PgClusterException"><see cref="Reason.PreflightFailed"/>: tables without a key, or rights are missing.</exception>
    public Task<string> TrackAsync(CancellationToken cancellationToken) => SwitchoverSession.GuardAsync("Tracking changes", async () =>
    {
        var tables = (await CatalogAsync(cancellationToken).ConfigureAwait(false)).Tables;
        if (_following)
        {
            await _onSource.AdoptAsync(_run, tables, cancellationToken).ConfigureAwait(false);
            return Say($"{tables.Count} tables are tracked since the flip");
        }

        var installed = await _onSource.InstallAsync(_run, tables, missing => ForgetAsync(missing, cancellationToken), cancellationToken).ConfigureAwait(false);
        return Say($"{tables.Count} tables are tracked, {installed} of them from now on");
    });

    /// <inheritdoc/>
    public async Task<string> CopyAsync(IProgress<SwitchoverProgress> progress, CancellationToken cancellationToken)
    {
        if (_following)
        {
            return "The rows are there since the flip";
        }

        var catalog = await SwitchoverSession.GuardAsync("Reading the catalog", () => CatalogAsync(cancellationToken)).ConfigureAwait(false);
        var copied = await new TableCopier(_databases, _time, _logger).CopyAsync(
            catalog,
            new TableCopyRequest { Run = _run, Jobs = _options.Jobs, KeepCopied = true, Truncate = _options.TruncateTarget },
            progress,
            cancellationToken).ConfigureAwait(false);
        return Say($"{copied.Tables} tables, {copied.Rows} rows, {copied.Bytes} bytes copied in {copied.ElapsedSeconds:0.0} s");
    }

    /// <inheritdoc/>
    public Task<string> CatchUpAsync(CancellationToken cancellationToken) => SwitchoverSession.GuardAsync("Catching up", async () =>
    {
        await VerifyAsync(cancellationToken).ConfigureAwait(false);
        var began = _time.GetTimestamp();
        var (rounds, changes, before) = (0, 0L, TimeSpan.MaxValue);
        while (true)
        {
            var start = _time.GetTimestamp();
            changes += await SyncAsync(fenced: null, cancellationToken).ConfigureAwait(false);
            rounds++;
            var took = _time.GetElapsedTime(start);

            // While syncs get shorter, another one shortens the wait of the clients as well.
            var settled = took <= _shortSync || took > before * 0.7;
            before = took;
            if (settled && await GetLagAsync(cancellationToken).ConfigureAwait(false) <= _options.MaxLag)
            {
                break;
            }
        }

        if (_options.WayBack)
        {
            // Now, because it takes locks and catalog writes that clients would wait for later. It logs nothing before the flip: only our sessions write there.
            await TrackTargetAsync(cancellationToken).ConfigureAwait(false);
            changes += await SyncAsync(fenced: null, cancellationToken).ConfigureAwait(false);
        }

        return Say($"{changes} changes applied in {rounds} syncs and {_time.GetElapsedTime(began).TotalSeconds:0.0} s");
    });

    /// <inheritdoc/>
    public Task<long> GetLagAsync(CancellationToken cancellationToken) => SwitchoverSession.GuardAsync("Reading the change log", async () =>
    {
        // A session of its own: it may be asked while a sync runs.
        var connection = await _databases.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = connection.ConfigureAwait(false);
        return await SwitchoverSession.ScalarAsync<bool>(
            connection, $"SELECT to_regclass('{ChangeTracking.Log}') IS NOT NULL", cancellationToken).ConfigureAwait(false)
            ? await SwitchoverSession.ScalarAsync<long>(connection, $"SELECT count(*) FROM {ChangeTracking.Log}", cancellationToken).ConfigureAwait(false)
            : throw new PgClusterException(Reason.PlanStale, $"{_databases.SourceUri} keeps no changes");
    });

    /// <inheritdoc/>
    /// <exception cref="PgClusterException"><see cref="Reason.PreflightFailed"/>: triggers were dropped or disabled.</exception>
    /// <remarks>The log is emptied in the fence's transaction: when that flips the pointer, the last sync is part of it.</remarks>
    public Task<string> DrainAsync(CancellationToken cancellationToken) => SwitchoverSession.GuardAsync("The last sync", async () =>
    {
        await VerifyAsync(cancellationToken).ConfigureAwait(false);
        long changes = 0;
        var fence = _fence ?? throw new InvalidOperationException("nobody keeps writers away");
        await fence.UseAsync(async source => changes = await SyncAsync(source, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        return Say($"the last {changes} changes applied");
    });

    /// <inheritdoc/>
    public Task<string> TurnAsync(CancellationToken cancellationToken) => SwitchoverSession.GuardAsync("Turning the flow", async () =>
    {
        if (!_options.WayBack)
        {
            return "no way back is wanted";
        }

        if (!_targetTracked)
        {
            await TrackTargetAsync(cancellationToken).ConfigureAwait(false);
        }

        await _onTarget.ClearAsync(cancellationToken).ConfigureAwait(false);
        return "changes of the target are kept from now on";
    });

    /// <inheritdoc/>
    public Task<string> TurnBackAsync(CancellationToken cancellationToken) => Task.FromResult("changes are followed as before");

    /// <inheritdoc/>
    public async Task<string> FlowBackAsync(CancellationToken cancellationToken) => await SwitchoverSession.GuardAsync("Removing the flow", async () =>
    {
        await CloseAsync().ConfigureAwait(false);
        await _onSource.RemoveAsync(cancellationToken).ConfigureAwait(false);
        if (!_options.WayBack)
        {
            await _onTarget.RemoveAsync(cancellationToken).ConfigureAwait(false);
        }

        await DropCopiedAsync(cancellationToken).ConfigureAwait(false);
        return _options.WayBack ? "changes of the target are kept for a way back" : "nothing is left behind";
    }).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<string> AbandonAsync(CancellationToken cancellationToken)
    {
        await CloseAsync().ConfigureAwait(false);

        // Both sides, also when one of them fails.
        Func<Task>[] sides =
        [
            () => _onSource.RemoveAsync(cancellationToken),
            async () =>
            {
                await _onTarget.RemoveAsync(cancellationToken).ConfigureAwait(false);
                await DropCopiedAsync(cancellationToken).ConfigureAwait(false);
            },
        ];
        NpgsqlException? failure = null;
        foreach (var side in sides)
        {
            try
            {
                await side().ConfigureAwait(false);
            }
            catch (NpgsqlException e)
            {
                failure ??= e;
            }
        }

        return failure is null ? "nothing is left on either side" : throw SwitchoverSession.Failure("Removing the tracking", failure);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await CloseAsync().ConfigureAwait(false);

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private async Task<SwitchoverCatalog> CatalogAsync(CancellationToken cancellationToken)
    {
        if (_catalog is null)
        {
            var catalog = await CatalogReader.ReadAsync(_databases.Source, _options, cancellationToken).ConfigureAwait(false);
            RefuseWithoutKey(catalog, "source");
            _catalog = catalog;
        }

        return _catalog;
    }

    private static void RefuseWithoutKey(SwitchoverCatalog catalog, string side)
    {
        var keyless = catalog.Tables.Where(t => t.Key.Count == 0).Select(t => t.Name.ToString()).ToList();
        if (keyless.Count > 0)
        {
            throw new PgClusterException(
                Reason.PreflightFailed,
                $"Changes cannot be followed without a primary key or replica identity index, which these tables of the {side} lack: "
                + $"{string.Join(", ", keyless)}. "
                + "Give them one, or leave them out.");
        }
    }

    private async Task VerifyAsync(CancellationToken cancellationToken)
    {
        var catalog = await CatalogAsync(cancellationToken).ConfigureAwait(false);
        var sync = await OpenAsync(cancellationToken).ConfigureAwait(false);
        await ChangeTracking.VerifyAsync(sync.Source, catalog.Tables, cancellationToken).ConfigureAwait(false);
    }

    private async Task TrackTargetAsync(CancellationToken cancellationToken)
    {
        var target = await CatalogReader.ReadAsync(_databases.Target, _options, cancellationToken).ConfigureAwait(false);
        RefuseWithoutKey(target, "target");
        await _onTarget.InstallAsync(_run, target.Tables, _ => Task.CompletedTask, cancellationToken).ConfigureAwait(false);
        _targetTracked = true;
    }

    private async Task ForgetAsync(IReadOnlyList<SwitchoverTable> tables, CancellationToken cancellationToken)
    {
        var target = await _databases.Target.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = target.ConfigureAwait(false);
        await TableCopier.ForgetAsync(target, _run, [.. tables.Select(t => t.Name)], cancellationToken).ConfigureAwait(false);
    }

    private async Task DropCopiedAsync(CancellationToken cancellationToken)
    {
        var target = await _databases.Target.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = target.ConfigureAwait(false);
        await TableCopier.DropMemoryAsync(target, cancellationToken).ConfigureAwait(false);
        await ChangeTracking.DropSchemaAsync(target, cancellationToken).ConfigureAwait(false);
    }

    private async Task<long> SyncAsync(NpgsqlConnection? fenced, CancellationToken cancellationToken)
    {
        try
        {
            return await (await OpenAsync(cancellationToken).ConfigureAwait(false)).SyncAsync(fenced, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            // Its sessions are inside of transactions that are of no use any more.
            await CloseAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<ChangeSync> OpenAsync(CancellationToken cancellationToken) =>
        _sync ??= await ChangeSync.OpenAsync(
            _databases, await CatalogAsync(cancellationToken).ConfigureAwait(false), _time, _logger, cancellationToken).ConfigureAwait(false);

    private async Task CloseAsync()
    {
        if (_sync is { } sync)
        {
            _sync = null;
            await sync.DisposeAsync().ConfigureAwait(false);
        }
    }
}
