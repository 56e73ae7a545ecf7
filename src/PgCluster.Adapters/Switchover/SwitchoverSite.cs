using System.Globalization;
using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// The two databases of a run. One session on the source holds the executor's lock from beginning to end, and fences and flips as well: when it is lost, the
/// run cannot flip any more, and the server has let the writers go on.
/// </summary>
public sealed class SwitchoverSite : ISwitchoverSite, IFencedSource
{
    private const string SchemaBefore = $"{CatalogReader.OwnSchema}.schema_before";

    // A source that answers again within this time says whether the commit whose answer was lost came to be.
    private static readonly TimeSpan DoubtBudget = TimeSpan.FromSeconds(20);

    private readonly SwitchoverDatabases _databases;
    private readonly SwitchoverCatalog _catalog;
    private readonly SwitchoverDefinition _definition;
    private readonly SwitchoverLimits _limits;
    private readonly Guid _runId;
    private readonly TimeProvider _time;
    private readonly SchemaTransfer _schema;
    private NpgsqlConnection? _session;
    private WriteFence? _fence;
    private string? _targetMessage;

    /// <summary>Opens nothing yet.</summary>
    /// <param name="databases">Source and target; in a rollback they have changed places.</param>
    /// <param name="catalog">The source's.</param>
    /// <param name="definition">What is moved; its URIs are those of <paramref name="databases"/>.</param>
    /// <param name="limits">Time limits and lock numbers.</param>
    /// <param name="runId">The run.</param>
    /// <param name="time">The clock.</param>
    public SwitchoverSite(
        SwitchoverDatabases databases, SwitchoverCatalog catalog, SwitchoverDefinition definition, SwitchoverLimits limits, Guid runId, TimeProvider time)
    {
        _databases = databases;
        _catalog = catalog;
        _definition = definition;
        _limits = limits;
        _runId = runId;
        _time = time;
        _schema = new SchemaTransfer(databases, definition.Options, null, time);
    }

    private NpgsqlConnection Session => _session ?? throw new InvalidOperationException("the executor's lock is not held");

    private WriteFence Fence => _fence ?? throw new InvalidOperationException("the tables are not locked");

    /// <inheritdoc/>
    public CancellationToken FenceLost => _fence?.Lost ?? CancellationToken.None;

    private SwitchoverOptions Options => _definition.Options;

    /// <inheritdoc/>
    public async Task<string> LockAsync(CancellationToken cancellationToken)
    {
        _session = await _databases.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await new SwitchoverGuards(_limits).HoldAsync(_session, SwitchoverGuard.Session, cancellationToken).ConfigureAwait(false);
        await SwitchoverObjects.MoveAsync(_session, SwitchoverPointer.Idle, SwitchoverPointer.InProgress, cancellationToken).ConfigureAwait(false);
        await SwitchoverObjects.DefineAsync(_session, _runId, _definition.ToJson(), cancellationToken).ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture, $"lock {_limits.ExecutorLock} held by backend {_session.ProcessID}");
    }

    /// <inheritdoc/>
    public async Task<string> UnlockAsync(CancellationToken cancellationToken)
    {
        if (_session is not { } session)
        {
            return "was not held";
        }

        _session = null;
        try
        {
            var idle = new NpgsqlCommand(
                "UPDATE pgcluster_switchover.state SET current_state = 'idle', changed_at = clock_timestamp() WHERE current_state = 'in_progress' AND run_id = $1", session)
            {
                Parameters = { new NpgsqlParameter<Guid> { TypedValue = _runId } },
            };
            await using (idle.ConfigureAwait(false))
            {
                return await idle.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false) == 1
                    ? "the source stays in charge and is marked as idle" : "the target is in charge";
            }
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
        {
            return "the session was lost, and its lock with it";
        }
        finally
        {
            // Closed for good: a pooled one would keep the lock.
            NpgsqlConnection.ClearPool(session);
            await session.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async Task<string> BringSchemaAsync(CancellationToken cancellationToken)
    {
        // It came over whole or not at all, so one look tells what an interrupted run has done.
        var target = await CatalogReader.ReadAsync(_databases.Target, Options, cancellationToken).ConfigureAwait(false);
        var there = target.Tables.Select(t => t.Name).ToHashSet();
        return _catalog.Tables.Count > 0 && _catalog.Tables.All(t => there.Contains(t.Name))
            ? "brought over before"
            : await BringSchemaFirstAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Empties the target of what the run brought over: the schema, or the rows when the schema was there before.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task ClearTargetAsync(CancellationToken cancellationToken)
    {
        if (await Sql.ScalarAsync(_databases.Target, $"SELECT to_regclass('{SchemaBefore}')::text", cancellationToken).ConfigureAwait(false) is not null)
        {
            var before = await Sql.ListAsync(_databases.Target, $"SELECT object FROM {SchemaBefore}", cancellationToken).ConfigureAwait(false);
            using (var schema = new SchemaTransfer(_databases, Options, new SchemaInventory(before), _time))
            {
                await schema.UndoAsync(cancellationToken).ConfigureAwait(false);
            }

            await Sql.ExecuteAsync(_databases.Target, $"DROP TABLE IF EXISTS {SchemaBefore}", cancellationToken).ConfigureAwait(false);
            return;
        }

        var there = await CatalogReader.ReadAsync(_databases.Target, Options, cancellationToken).ConfigureAwait(false);
        var ours = _catalog.Tables.Select(t => t.Name).ToHashSet();
        var target = await _databases.Target.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = target.ConfigureAwait(false);
        await SwitchoverSession.BeginApplyAsync(target, durable: true, cancellationToken).ConfigureAwait(false);
        await TargetTables.TruncateAsync(target, [.. there.Tables.Select(t => t.Name).Where(ours.Contains)], cancellationToken).ConfigureAwait(false);
        await Sql.ExecuteAsync(target, "COMMIT", cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<string> FinishSchemaAsync(CancellationToken cancellationToken) =>
        await _schema.PostDataAsync(cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<string> VerifyAsync(Func<CancellationToken, Task<string>> drain, CancellationToken cancellationToken) =>
        new LiveVerification(this, _databases, Options, _time).RunAsync(_catalog.Tables, drain, cancellationToken);

    /// <inheritdoc/>
    public async Task<string> FenceAsync(CancellationToken cancellationToken)
    {
        _fence = await WriteFence.AcquireAsync(Session, _catalog.Tables, _limits, _time, cancellationToken).ConfigureAwait(false);
        return $"{_catalog.Tables.Count} tables locked";
    }

    /// <inheritdoc/>
    public async Task<string> UnfenceAsync(CancellationToken cancellationToken)
    {
        if (_fence is { } fence)
        {
            _fence = null;
            await fence.DisposeAsync().ConfigureAwait(false);
        }

        return "writers go on";
    }

    /// <inheritdoc/>
    public Task UseAsync(Func<NpgsqlConnection, Task> use) => Fence.UseAsync(use);

    /// <inheritdoc/>
    public async Task<string> CopySequencesAsync(CancellationToken cancellationToken)
    {
        var target = await _databases.Target.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = target.ConfigureAwait(false);
        await Fence.UseAsync(source => SequenceSync.CopyAsync(source, target, _catalog.Sequences, cancellationToken)).ConfigureAwait(false);
        return $"{_catalog.Sequences.Count} sequences";
    }

    /// <inheritdoc/>
    public async Task<string> OpenTargetAsync(CancellationToken cancellationToken)
    {
        var target = await _databases.Target.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = target.ConfigureAwait(false);
        var before = await SwitchoverObjects.ReadAsync(target, cancellationToken).ConfigureAwait(false);
        await Sql.ExecuteAsync(target, "BEGIN", cancellationToken).ConfigureAwait(false);
        if (before?.Pointer == SwitchoverPointer.UseNextDb)
        {
            _targetMessage = RefusalFor(_databases.SourceUri.ToString());
            await WriteFence.OpenAsync(target, cancellationToken).ConfigureAwait(false);
            await SwitchoverObjects.MoveAsync(target, SwitchoverPointer.UseNextDb, SwitchoverPointer.Idle, cancellationToken).ConfigureAwait(false);
        }

        await SwitchoverObjects.DefineAsync(target, _runId, _definition.ToJson(), cancellationToken).ConfigureAwait(false);
        await Sql.ExecuteAsync(target, "COMMIT", cancellationToken).ConfigureAwait(false);
        return _targetMessage is null ? "it takes writes" : "it takes writes again";
    }

    /// <inheritdoc/>
    public async Task<string> CloseTargetAsync(CancellationToken cancellationToken)
    {
        if (_targetMessage is not { } message)
        {
            return "nobody was sent there";
        }

        var target = await _databases.Target.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = target.ConfigureAwait(false);
        await Sql.ExecuteAsync(target, "BEGIN", cancellationToken).ConfigureAwait(false);
        await WriteFence.CloseAsync(target, _catalog.Tables, message, cancellationToken).ConfigureAwait(false);
        await SwitchoverObjects.MoveAsync(target, SwitchoverPointer.Idle, SwitchoverPointer.UseNextDb, cancellationToken).ConfigureAwait(false);
        await Sql.ExecuteAsync(target, "COMMIT", cancellationToken).ConfigureAwait(false);
        return "it refuses writes again";
    }

    /// <inheritdoc/>
    public async Task<string> FlipAsync(CancellationToken cancellationToken)
    {
        var fence = Fence;
        try
        {
            await fence.FlipAsync(_runId, RefusalFor(_databases.TargetUri.ToString()), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException or InvalidOperationException or TimeoutException)
        {
            await fence.DisposeAsync().ConfigureAwait(false);
            await SettleDoubtAsync(e).ConfigureAwait(false);
        }

        _fence = null;
        return $"{_databases.SourceUri} refuses writes, {_databases.TargetUri} is in charge";
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await UnfenceAsync(CancellationToken.None).ConfigureAwait(false);
        await UnlockAsync(CancellationToken.None).ConfigureAwait(false);
        _schema.Dispose();
    }

    private async Task<string> BringSchemaFirstAsync(CancellationToken cancellationToken)
    {
        // Kept on the target, so that whoever resets the switchover knows what was there before.
        var before = await _schema.LookAsync(cancellationToken).ConfigureAwait(false);
        var target = await _databases.Target.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (target.ConfigureAwait(false))
        {
            var keep = new NpgsqlCommand(
                $"DROP TABLE IF EXISTS {SchemaBefore}; CREATE TABLE {SchemaBefore} (object text NOT NULL); INSERT INTO {SchemaBefore} SELECT unnest(@objects)", target)
            {
                Parameters = { new NpgsqlParameter<string[]>("objects", [.. before.Objects]) },
            };
            await using var guard = keep.ConfigureAwait(false);
            await keep.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }

        return await _schema.PreDataAsync(cancellationToken).ConfigureAwait(false);
    }

    private static string RefusalFor(string next) => $"this database was switched over: the application's database is {next} now";

    /// <summary>The commit failed, or only its answer did: the pointer itself says which.</summary>
    private async Task SettleDoubtAsync(Exception cause)
    {
        var began = _time.GetTimestamp();
        while (true)
        {
            try
            {
                var connection = await _databases.Source.OpenConnectionAsync(CancellationToken.None).ConfigureAwait(false);
                await using var guard = connection.ConfigureAwait(false);
                var row = await SwitchoverObjects.ReadAsync(connection, CancellationToken.None).ConfigureAwait(false);
                if (row is { Pointer: SwitchoverPointer.UseNextDb } && row.RunId == _runId)
                {
                    return;
                }

                throw new PgClusterException(Reason.PlanStale, $"the pointer was not flipped: {cause.Message}", cause);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException && _time.GetElapsedTime(began) < DoubtBudget)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), _time, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }
}
