using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Switchover;

namespace PgCluster.Client;

/// <summary>
/// The two databases of a switchover: everything cmdlets and the command line do with them goes through here. Errors are <see cref="PgClusterException"/>.
/// </summary>
public sealed class SwitchoverConnection : IAsyncDisposable
{
    private static readonly string Version = typeof(SwitchoverConnection).Assembly.GetName().Version!.ToString(3);

    private readonly ConcurrentDictionary<string, SwitchoverDefinition> _planned = new(StringComparer.Ordinal);
    private readonly string _sourceUri;
    private readonly string _targetUri;
    private readonly SwitchoverLimits _limits;
    private readonly TimeProvider _time;
    private readonly Guid _node = Guid.NewGuid();
    private readonly SwitchoverDatabases _databases;
    private readonly PostgresMessageLog _log;

    private SwitchoverConnection(string sourceUri, string targetUri, SwitchoverLimits limits, TimeProvider time)
    {
        _sourceUri = sourceUri;
        _targetUri = targetUri;
        _limits = limits;
        _time = time;
        _databases = Connect(sourceUri, targetUri);
        _log = new PostgresMessageLog(_databases.Source, limits);
    }

    /// <summary>Opens a switchover. Asks nobody yet.</summary>
    /// <param name="sourceUri">libpq URI of the database the application came from.</param>
    /// <param name="targetUri">libpq URI of the database it goes to.</param>
    /// <param name="limits">Time limits and lock numbers; null for the defaults.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: a URI cannot be read, and which.</exception>
    public static SwitchoverConnection Open(string sourceUri, string targetUri, SwitchoverLimits? limits = null, TimeProvider? time = null)
    {
        limits ??= new SwitchoverLimits();
        limits.Validate();
        Check(nameof(SwitchoverOptions.SourceUri), sourceUri);
        Check(nameof(SwitchoverOptions.TargetUri), targetUri);
        return new SwitchoverConnection(sourceUri, targetUri, limits, time ?? TimeProvider.System);
    }

    /// <summary>The database the application came from, as host:port/database.</summary>
    public string Source => _databases.SourceUri.ToString();

    /// <summary>The database it goes to, as host:port/database.</summary>
    public string Target => _databases.TargetUri.ToString();

    /// <summary>True when <see cref="DefineAsync"/> has been called for the source.</summary>
    public async Task<bool> IsDefinedAsync(CancellationToken cancellationToken)
    {
        var (source, _, _) = await LookAsync(_databases.Source, "source", isNext: false, cancellationToken).ConfigureAwait(false);
        return SwitchoverDefinition.FromJson(source?.Definition) is not null;
    }

    /// <summary>Prepares both databases and remembers what is to be moved and how. Repeating it changes the options.</summary>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.StaleDatabase"/>: the source was switched away from already; <see cref="Reason.SwitchoverNotReady"/>: a run is in progress;
    /// <see cref="Reason.PreflightFailed"/>: the two are the same database.
    /// </exception>
    public async Task<SwitchoverStatus> DefineAsync(SwitchoverOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var definition = new SwitchoverDefinition(Redact(options), SwitchoverEngine.Auto);
        var facts = await FactsReader.ReadAsync(WithUris(options), Tag(ConnectionTag.NodeOnCurrent), _time, cancellationToken).ConfigureAwait(false);
        if (facts.SameDatabase)
        {
            throw new PgClusterException(Reason.PreflightFailed, $"source and target are the same database: {_databases.SourceUri}");
        }

        await OnAsync(_databases.Source, "source", async source =>
        {
            var row = await SwitchoverObjects.ReadAsync(source, cancellationToken).ConfigureAwait(false);
            switch (row?.Pointer)
            {
                case SwitchoverPointer.UseNextDb:
                    throw new PgClusterException(Reason.StaleDatabase, $"{_databases.SourceUri} was switched over already: switchover state is use_next_db");
                case SwitchoverPointer.InProgress:
                    throw new PgClusterException(Reason.SwitchoverNotReady, $"a switchover of {_databases.SourceUri} is in progress");
                default:
                    break;
            }

            await SwitchoverObjects.InstallAsync(source, [], cancellationToken).ConfigureAwait(false);
            if (row is { RunId: not null } && SwitchoverDefinition.FromJson(row.Definition) is { } before)
            {
                definition = definition with { Engine = options.Engine == SwitchoverEngine.Auto ? before.Engine : options.Engine };
                if (definition.GoesOnWith(before))
                {
                    await SwitchoverObjects.DefineAsync(source, row.RunId, definition.ToJson(), cancellationToken).ConfigureAwait(false);
                    return;
                }

                definition = definition with { Engine = SwitchoverEngine.Auto };

                // What an interrupted run of other options left behind would be taken for this one's.
                await AbandonAsync(row, cancellationToken).ConfigureAwait(false);
            }

            await SwitchoverObjects.DefineAsync(source, null, definition.ToJson(), cancellationToken).ConfigureAwait(false);
        }).ConfigureAwait(false);
        await OnAsync(_databases.Target, "target", async target => await SwitchoverObjects.InstallAsync(target, [], cancellationToken).ConfigureAwait(false))
            .ConfigureAwait(false);
        return await GetStatusAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What a switchover would do and whether it may; changes nothing. The plan has steps exactly when it may run.</summary>
    /// <param name="options">What to move and how; null for what <see cref="DefineAsync"/> was told.</param>
    /// <param name="rollback">The way back instead.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<OperationPlan> PlanAsync(SwitchoverOptions? options, bool rollback, CancellationToken cancellationToken)
    {
        var id = Guid.CreateVersion7(_time.GetUtcNow()).ToString("n");
        if (rollback)
        {
            return await PlanRollbackAsync(id, cancellationToken).ConfigureAwait(false);
        }

        var interrupted = await ReadInterruptedAsync(cancellationToken).ConfigureAwait(false);
        options = WithUris(options ?? (await ReadDefinitionAsync(cancellationToken).ConfigureAwait(false)).Options);
        var facts = await FactsReader.ReadAsync(options, Tag(ConnectionTag.NodeOnCurrent), _time, cancellationToken).ConfigureAwait(false);
        if (interrupted is not null && options.Engine is SwitchoverEngine.Auto)
        {
            // Its engine could be chosen then; what it has copied is not given up for the other one.
            var asBefore = options with { Engine = interrupted.Engine };
            options = new SwitchoverDefinition(asBefore, interrupted.Engine).GoesOnWith(interrupted) ? asBefore : options;
        }

        facts = facts with { Resumes = new SwitchoverDefinition(options, options.Engine).GoesOnWith(interrupted) };
        var assessment = SwitchoverPreflight.Assess(facts, options);
        return Remember(
            SwitchoverPlanner.Plan(
                id, _databases.SourceUri.ToString(), _databases.TargetUri.ToString(), options, assessment.Engine, rollback: false, _limits, assessment.Checks),
            new SwitchoverDefinition(options, assessment.Engine));
    }

    /// <summary>Runs a plan of <see cref="PlanAsync"/>; what goes wrong in its steps is in the report.</summary>
    /// <param name="plan">The plan, of this connection.</param>
    /// <param name="cluster">The cluster whose poolers hold the clients back and lead them; null when they are held back otherwise.</param>
    /// <param name="why">Why, for the history.</param>
    /// <param name="actor">user@host of who asks.</param>
    /// <param name="observer">Is told of each step; null for nobody.</param>
    /// <param name="progress">Is told how far the copy is; null for nobody.</param>
    /// <param name="cancellationToken">Asks for the run to stop; not heard after the flip has begun.</param>
    /// <exception cref="PgClusterException">The plan may not run; nothing was changed.</exception>
    public async Task<OperationReport> RunAsync(
        OperationPlan plan, ClusterConnection? cluster, string why, string actor, IOperationObserver? observer,
        IProgress<SwitchoverProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if (RefusalOf(plan) is { } refusal)
        {
            throw refusal;
        }

        if (!_planned.TryRemove(plan.Id, out var definition))
        {
            throw new PgClusterException(Reason.PlanStale, "the plan was made by another session, or has been run already");
        }

        if (cluster is null && NeedsCluster(plan))
        {
            throw new PgClusterException(Reason.InvalidArgument, "clients are to be held back by the poolers of a cluster, and no cluster was given");
        }

        var run = await PrepareAsync(definition, cancellationToken).ConfigureAwait(false);
        await using var runGuard = run.ConfigureAwait(false);
        var route = cluster is null ? null : OpenRoute(cluster, definition, run.RunId, actor);
        await using var routeGuard = (route ?? (IAsyncDisposable)Nothing.Instance).ConfigureAwait(false);
        var steps = new SwitchoverRun(plan, run.Site, run.Engine, run.Leader, route, progress);
        var result = await new OperationRunner(_time, _limits.GuardLockTimeout, observer).RunAsync(steps.Steps(), cancellationToken).ConfigureAwait(false);
        var report = new OperationReport
        {
            Id = plan.Id,
            Kind = plan.Kind,
            Cluster = plan.Cluster,
            Outcome = result.Outcome,
            OldPrimary = plan.From,
            NewPrimary = steps.IsFlipped ? plan.To : plan.From,
            Why = why,
            Actor = actor,
            StartedAt = result.StartedAt,
            DurationSeconds = result.Elapsed.TotalSeconds,
            PausedSeconds = WriteStopSeconds(result.Steps),
            Steps = result.Steps,
            Error = result.Error?.Message,
            ErrorReason = result.Error?.Reason,
        };
        if (cluster is not null)
        {
            await cluster.RecordAsync(report).ConfigureAwait(false);
        }

        return report;
    }

    /// <summary>True when the plan holds clients back by the poolers of a cluster.</summary>
    public static bool NeedsCluster(OperationPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return plan.Steps.Any(s => s.Name == SwitchoverSteps.Route);
    }

    /// <summary>The refusal of a plan as an error; null when it may run.</summary>
    public static PgClusterException? RefusalOf(OperationPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var failed = plan.Checks.Where(c => c.Status == CheckStatus.Failed).ToList();
        return failed.Count == 0
            ? null
            : new PgClusterException(
                failed[0].Reason,
                string.Join("; ", failed.Select(c => $"{c.Name}: {c.Evidence}{(c.Remedy.Length > 0 ? $" -- {c.Remedy}" : "")}")));
    }

    /// <summary>Where the switchover stands.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.SwitchoverNotReady"/>: none was prepared in the source.</exception>
    public async Task<SwitchoverStatus> GetStatusAsync(CancellationToken cancellationToken)
    {
        var (source, sourceVersion, connections) = await LookAsync(_databases.Source, "source", isNext: false, cancellationToken).ConfigureAwait(false);
        var (target, targetVersion, others) = await LookAsync(_databases.Target, "target", isNext: true, cancellationToken).ConfigureAwait(false);
        if (source is null || target is null || SwitchoverDefinition.FromJson(source.Definition) is not { } definition)
        {
            throw NotPrepared();
        }

        // A rollback that runs is agreed on in the target, which is in charge.
        var goesBack = source.Pointer == SwitchoverPointer.UseNextDb && target.Pointer == SwitchoverPointer.InProgress;
        var log = goesBack ? new PostgresMessageLog(_databases.Target, _limits) : _log;
        await using var guard = (goesBack ? log : (IAsyncDisposable)Nothing.Instance).ConfigureAwait(false);
        var view = await SwitchoverReplay.ReadAsync(log, cancellationToken).ConfigureAwait(false);
        var (words, progress) = SwitchoverStatusText.Parse(view.LastStatus);
        var wayBack = await ReadFlowAsync(source, target, definition, cancellationToken).ConfigureAwait(false);
        return new SwitchoverStatus
        {
            SourceUri = _databases.SourceUri.ToUri(),
            TargetUri = _databases.TargetUri.ToUri(),
            State = view.State,
            SourcePointer = source.Pointer,
            TargetPointer = target.Pointer,
            InCharge = (source.Pointer == SwitchoverPointer.UseNextDb ? _databases.TargetUri : _databases.SourceUri).ToString(),
            RunId = source.RunId,
            Engine = definition.Engine,
            WayBack = wayBack is not null && source.Pointer == SwitchoverPointer.UseNextDb,
            Lag = wayBack,
            Leader = view.IsRunning ? view.Leader : null,
            LastStatus = words,
            LastError = view.LastError,
            Progress = view.IsRunning ? progress : null,
            SourceVersion = sourceVersion,
            TargetVersion = targetVersion,
            Nodes = StatusAggregator.Aggregate(view, connections.Concat(others).Where(c => !IsOwn(c.ApplicationName)), source.DbId, target.DbId, _time.GetUtcNow()),
            Options = definition.Options,
        };
    }

    /// <summary>Calls off the run that the nodes have begun, a rollback too. Past the flip it does not listen any more.</summary>
    public async Task StopAsync(string why, CancellationToken cancellationToken)
    {
        var (source, _) = await RequireAsync(cancellationToken).ConfigureAwait(false);
        var cancel = new SwitchoverMessage(Guid.NewGuid(), _node, SwitchoverMessageType.Cancel, Guid.Empty, SwitchoverMessageText.OfText(why));

        // The nodes talk in the database that is in charge: in a rollback that is the target.
        var log = source.Pointer == SwitchoverPointer.UseNextDb ? new PostgresMessageLog(_databases.Target, _limits) : _log;
        await using var guard = (ReferenceEquals(log, _log) ? (IAsyncDisposable)Nothing.Instance : log).ConfigureAwait(false);
        await log.AppendAsync(cancel, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Makes the switchover ready to begin anew: calls off what runs, waits until it has really stopped, and removes what it left behind on both sides:
    /// what keeps and carries changes, the rows it copied, and the schema when it brought that over.
    /// </summary>
    /// <exception cref="PgClusterException"><see cref="Reason.StaleDatabase"/>: the pointer is flipped; the way back is a rollback.</exception>
    public async Task ResetAsync(CancellationToken cancellationToken)
    {
        var (source, target) = await RequireAsync(cancellationToken).ConfigureAwait(false);
        if (source.Pointer == SwitchoverPointer.UseNextDb || target.Pointer == SwitchoverPointer.UseNextDb)
        {
            // A leader would say hello before it is refused, and the log would no longer say that the switchover is done.
            throw new PgClusterException(
                Reason.StaleDatabase,
                "the application was switched over already: Start-PgSwitchover -Rollback takes the way back, Complete-PgSwitchover ends it");
        }

        var leader = NewLeader(source, target, _databases, _log);
        await using (leader.ConfigureAwait(false))
        {
            await leader.ResetAsync(cancellationToken).ConfigureAwait(false);
        }

        await AbandonAsync(source, cancellationToken).ConfigureAwait(false);
        await OnAsync(
            _databases.Source, "source", c => SwitchoverObjects.DefineAsync(c, null, source.Definition, cancellationToken)).ConfigureAwait(false);
    }

    /// <summary>Ends the way back: nothing flows any more, and the old database stays as it is, refusing writes.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.SwitchoverNotReady"/>: the pointer is not flipped.</exception>
    public async Task<SwitchoverStatus> CompleteAsync(CancellationToken cancellationToken)
    {
        var (source, target) = await RequireAsync(cancellationToken).ConfigureAwait(false);
        var (old, now) = source.Pointer == SwitchoverPointer.UseNextDb ? (source, _databases) : (target, Swapped());
        await using var swapped = (ReferenceEquals(now, _databases) ? Nothing.Instance : (IAsyncDisposable)now).ConfigureAwait(false);
        if (old.Pointer != SwitchoverPointer.UseNextDb || old.RunId is not { } runId || SwitchoverDefinition.FromJson(old.Definition) is not { } definition)
        {
            throw new PgClusterException(Reason.SwitchoverNotReady, "there is nothing to complete: neither database was switched away from");
        }

        var options = WithUris(definition.Options);
        var catalog = await CatalogReader.ReadAsync(now.Source, options, cancellationToken).ConfigureAwait(false);
        var engine = NewEngine(definition.Engine, now, catalog, options, RunLinks.Of(runId, home: !ReferenceEquals(now, _databases)));
        await using var engineGuard = engine.ConfigureAwait(false);
        await engine.AbandonAsync(cancellationToken).ConfigureAwait(false);
        return await GetStatusAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The message log, oldest first.</summary>
    /// <param name="after">Only rows behind this id.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<IReadOnlyList<SwitchoverLogEntry>> ReadLogAsync(long after, CancellationToken cancellationToken)
    {
        await RequireAsync(cancellationToken).ConfigureAwait(false);
        var entries = new List<SwitchoverLogEntry>();
        while (await _log.ReadAsync(after, cancellationToken).ConfigureAwait(false) is { Count: > 0 } messages)
        {
            entries.AddRange(messages.Select(m => m.ToEntry()));
            after = messages[^1].Position;
        }

        return entries;
    }

    /// <summary>Closes every connection.</summary>
    public async ValueTask DisposeAsync()
    {
        await _log.DisposeAsync().ConfigureAwait(false);
        await _databases.DisposeAsync().ConfigureAwait(false);
    }

    private static void Check(string name, string uri)
    {
        try
        {
            LibpqUri.Parse(uri);
        }
        catch (PgClusterException e) when (e.Reason == Reason.InvalidArgument)
        {
            throw new PgClusterException(e.Reason, $"{name}: {e.Message}", e) { Target = name };
        }
    }

    private static double? WriteStopSeconds(IReadOnlyList<StepReport> steps)
    {
        var first = steps.FirstOrDefault(s => s is { Name: SwitchoverSteps.Stop or SwitchoverSteps.Fence, Phase: StepPhase.Run });
        var last = steps.LastOrDefault(s => s is { Name: SwitchoverSteps.Flip or SwitchoverSteps.Resume, Phase: StepPhase.Run }
            or { Name: SwitchoverSteps.Fence or SwitchoverSteps.Route, Phase: StepPhase.Undo });
        return first is null || last is null ? null : last.StartedSeconds + last.ElapsedSeconds - first.StartedSeconds;
    }

    private PgClusterException NotPrepared() => new(
        Reason.SwitchoverNotReady, $"no switchover was prepared from {_databases.SourceUri} to {_databases.TargetUri}: New-PgSwitchover does that");

    private static PgClusterException Unreachable(string side, object where, Exception e) => new(
        e is PostgresException { SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification or PostgresErrorCodes.InsufficientPrivilege }
            ? Reason.AccessDenied : Reason.PostgresUnavailable,
        $"the {side} {where} cannot be used: {e.Message}", e);

    private async Task OnAsync(NpgsqlDataSource database, string side, Func<NpgsqlConnection, Task> action)
    {
        try
        {
            var connection = await database.OpenConnectionAsync().ConfigureAwait(false);
            await using var guard = connection.ConfigureAwait(false);
            await action(connection).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            throw Unreachable(side, side == "source" ? _databases.SourceUri : _databases.TargetUri, e);
        }
    }

    private async Task<(SwitchoverStateRow? Row, string Version, IReadOnlyList<ObservedConnection> Connections)> LookAsync(
        NpgsqlDataSource database, string side, bool isNext, CancellationToken cancellationToken)
    {
        SwitchoverStateRow? row = null;
        var version = "";
        IReadOnlyList<ObservedConnection> connections = [];
        await OnAsync(database, side, async connection =>
        {
            row = await SwitchoverObjects.ReadAsync(connection, cancellationToken).ConfigureAwait(false);
            version = connection.PostgreSqlVersion.ToString(connection.PostgreSqlVersion.Major >= 10 ? 2 : 3);
            connections = await SwitchoverObjects.ReadConnectionsAsync(connection, isNext, cancellationToken).ConfigureAwait(false);
        }).ConfigureAwait(false);
        return (row, version, connections);
    }

    private async Task<(SwitchoverStateRow Source, SwitchoverStateRow Target)> RequireAsync(CancellationToken cancellationToken)
    {
        var (source, _, _) = await LookAsync(_databases.Source, "source", isNext: false, cancellationToken).ConfigureAwait(false);
        var (target, _, _) = await LookAsync(_databases.Target, "target", isNext: true, cancellationToken).ConfigureAwait(false);
        return source is null || target is null ? throw NotPrepared() : (source, target);
    }

    private async Task<SwitchoverDefinition> ReadDefinitionAsync(CancellationToken cancellationToken)
    {
        var (source, _) = await RequireAsync(cancellationToken).ConfigureAwait(false);
        return SwitchoverDefinition.FromJson(source.Definition) ?? throw NotPrepared();
    }

    /// <summary>The definition of the run that was interrupted; null when there was none.</summary>
    private async Task<SwitchoverDefinition?> ReadInterruptedAsync(CancellationToken cancellationToken)
    {
        try
        {
            var (source, _, _) = await LookAsync(_databases.Source, "source", isNext: false, cancellationToken).ConfigureAwait(false);
            return source is { RunId: not null, Pointer: not SwitchoverPointer.UseNextDb } ? SwitchoverDefinition.FromJson(source.Definition) : null;
        }
        catch (PgClusterException)
        {
            // Preflight says what is wrong with a source that does not answer.
            return null;
        }
    }

    private async Task<OperationPlan> PlanRollbackAsync(string id, CancellationToken cancellationToken)
    {
        var (source, target) = await RequireAsync(cancellationToken).ConfigureAwait(false);
        var back = source.Pointer == SwitchoverPointer.UseNextDb;
        var (old, now) = back ? (source, target) : (target, source);
        var (from, to) = back ? (_databases.TargetUri, _databases.SourceUri) : (_databases.SourceUri, _databases.TargetUri);
        var definition = SwitchoverDefinition.FromJson(old.Definition) ?? SwitchoverDefinition.FromJson(now.Definition) ?? throw NotPrepared();
        long? lag = null;
        if (old.Pointer == SwitchoverPointer.UseNextDb && now.Pointer == SwitchoverPointer.Idle && old.RunId == now.RunId)
        {
            lag = await ReadFlowAsync(source, target, definition, cancellationToken).ConfigureAwait(false);
        }

        PreflightCheck[] checks =
        [
            old.Pointer == SwitchoverPointer.UseNextDb
                ? new("Switched", CheckStatus.Passed, $"{to} was switched over to {from}")
                : new("Switched", CheckStatus.Failed, $"neither {from} nor {to} was switched away from", "a rollback is the way back of a switchover that has happened", Reason.SwitchoverNotReady),
            lag is { } behind
                ? new("WayBack", CheckStatus.Passed, string.Create(CultureInfo.InvariantCulture, $"{to} is {behind} behind {from} ({definition.Engine})"))
                : new("WayBack", CheckStatus.Failed, $"nothing flows from {from} to {to}", "the way back ends with Complete-PgSwitchover; move the application by a switchover of its own", Reason.SwitchoverNotReady),
        ];
        var options = definition.Options with { SourceUri = back ? _targetUri : _sourceUri, TargetUri = back ? _sourceUri : _targetUri };
        return Remember(
            SwitchoverPlanner.Plan(id, from.ToString(), to.ToString(), options, definition.Engine, rollback: true, _limits, checks),
            new SwitchoverDefinition(options, definition.Engine, Rollback: true));
    }

    private OperationPlan Remember(OperationPlan plan, SwitchoverDefinition definition)
    {
        _planned[plan.Id] = definition;
        return plan;
    }

    private async Task<RunParts> PrepareAsync(SwitchoverDefinition definition, CancellationToken cancellationToken)
    {
        var options = definition.Options;
        var (source, target) = await RequireAsync(cancellationToken).ConfigureAwait(false);
        var swapped = options.SourceUri != _sourceUri;
        var (from, to) = swapped ? (target, source) : (source, target);
        var databases = swapped ? Connect(options.SourceUri, options.TargetUri) : _databases;
        var log = swapped ? new PostgresMessageLog(databases.Source, _limits) : _log;
        var catalog = await CatalogReader.ReadAsync(databases.Source, options, cancellationToken).ConfigureAwait(false);
        RunLinks links;
        if (definition.Rollback)
        {
            links = RunLinks.Of(from.RunId ?? throw NotPrepared(), home: swapped, flowing: true);
        }
        else if (from.RunId is { } interrupted && definition.GoesOnWith(SwitchoverDefinition.FromJson(from.Definition)))
        {
            links = RunLinks.Of(interrupted);
        }
        else
        {
            await AbandonAsync(from, cancellationToken).ConfigureAwait(false);
            links = RunLinks.Of(Guid.NewGuid());
        }

        var site = new SwitchoverSite(databases, catalog, definition with { Options = Redact(options) }, _limits, links.RunId, _time);
        return new RunParts(
            links.RunId,
            site,
            NewEngine(definition.Engine, databases, catalog, options, links, site),
            NewLeader(from, to, databases, log),
            swapped ? databases : null,
            swapped ? log : null);
    }

    private async Task AbandonAsync(SwitchoverStateRow source, CancellationToken cancellationToken)
    {
        if (source.RunId is not { } runId || SwitchoverDefinition.FromJson(source.Definition) is not { Rollback: false } definition)
        {
            return;
        }

        var options = WithUris(definition.Options);
        var catalog = await CatalogReader.ReadAsync(_databases.Source, options, cancellationToken).ConfigureAwait(false);
        foreach (var kind in (SwitchoverEngine[])[SwitchoverEngine.Logical, SwitchoverEngine.Changelog])
        {
            var engine = NewEngine(kind, _databases, catalog, options, RunLinks.Of(runId));
            await using var engineGuard = engine.ConfigureAwait(false);
            await engine.AbandonAsync(cancellationToken).ConfigureAwait(false);
        }

        var site = new SwitchoverSite(_databases, catalog, definition, _limits, runId, _time);
        await using var siteGuard = site.ConfigureAwait(false);
        await site.ClearTargetAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What the database that is not in charge lacks; null when nothing flows to it.</summary>
    private async Task<long?> ReadFlowAsync(
        SwitchoverStateRow source, SwitchoverStateRow target, SwitchoverDefinition definition, CancellationToken cancellationToken)
    {
        if (definition.Engine == SwitchoverEngine.Auto || source.RunId is not { } runId)
        {
            return null;
        }

        var back = source.Pointer == SwitchoverPointer.UseNextDb;
        var flipped = back || target.Pointer == SwitchoverPointer.UseNextDb;
        var databases = back ? Swapped() : _databases;
        await using var swapped = (back ? databases : (IAsyncDisposable)Nothing.Instance).ConfigureAwait(false);
        var links = RunLinks.Of(runId, home: back, flowing: flipped);
        var engine = NewEngine(definition.Engine, databases, new SwitchoverCatalog([], []), WithUris(definition.Options), links);
        await using var engineGuard = engine.ConfigureAwait(false);
        try
        {
            return await engine.GetLagAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException e) when (e.Reason == Reason.PlanStale)
        {
            return null;
        }
    }

    /// <summary>The redirect names the database that is not the cluster's own, whichever way the run goes.</summary>
    private IClientRoute OpenRoute(ClusterConnection cluster, SwitchoverDefinition definition, Guid runId, string actor)
    {
        var home = definition.Options.SourceUri != _sourceUri;
        var source = LibpqUri.Parse(definition.Options.SourceUri);
        var target = LibpqUri.Parse(definition.Options.TargetUri);
        var (own, other) = home ? (target, source) : (source, target);
        return cluster.OpenRoute(
            runId, other.Host, other.Port, other.Database ?? other.User ?? "", own.Database ?? own.User ?? "", actor, back: home);
    }

    private IDataEngine NewEngine(
        SwitchoverEngine kind, SwitchoverDatabases databases, SwitchoverCatalog catalog, SwitchoverOptions options, RunLinks links, IFencedSource? fence = null) =>
        kind == SwitchoverEngine.Changelog
            ? new ChangelogEngine(databases, options, links.RunId, links.Flowing, fence, _time, NullLogger.Instance)
            : new LogicalEngine(databases, catalog, options, links, _time, NullLogger.Instance);

    private SwitchoverLeader NewLeader(SwitchoverStateRow from, SwitchoverStateRow to, SwitchoverDatabases databases, PostgresMessageLog log) => new(
        new SwitchoverNodeOptions { Id = _node, CurrentDbId = from.DbId, NextDbId = to.DbId, Limits = _limits },
        log, new PostgresSwitchoverControl(databases.Source, _limits), _time, NullLogger<SwitchoverNode>.Instance);

    private SwitchoverOptions WithUris(SwitchoverOptions options) => options with { SourceUri = _sourceUri, TargetUri = _targetUri };

    private static SwitchoverOptions Redact(SwitchoverOptions options) => options with
    {
        SourceUri = LibpqUri.Parse(options.SourceUri).ToUri(),
        TargetUri = LibpqUri.Parse(options.TargetUri).ToUri(),
        SourceUriForTarget = options.SourceUriForTarget is { } source ? LibpqUri.Parse(source).ToUri() : null,
        TargetUriForSource = options.TargetUriForSource is { } target ? LibpqUri.Parse(target).ToUri() : null,
    };

    private SwitchoverDatabases Connect(string sourceUri, string targetUri) => new(
        sourceUri, targetUri, Tag(ConnectionTag.NodeOnCurrent), Tag(ConnectionTag.NodeOnNext));

    private string Tag(char type) => new ConnectionTag { Version = Version, Type = type, Id = _node }.Format();

    private SwitchoverDatabases Swapped() => Connect(_targetUri, _sourceUri);

    private bool IsOwn(string applicationName) => ConnectionTag.TryParse(applicationName, ConnectionTag.DefaultProduct, out _)?.Id == _node;

    /// <summary>What is the connection's own is not the call's to dispose of.</summary>
    private sealed class Nothing : IAsyncDisposable
    {
        internal static Nothing Instance { get; } = new();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    /// <summary>Everything one run needs.</summary>
    private sealed record RunParts(
        Guid RunId, SwitchoverSite Site, IDataEngine Engine, SwitchoverLeader Leader, SwitchoverDatabases? OwnDatabases, PostgresMessageLog? OwnLog) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Leader.DisposeAsync().ConfigureAwait(false);
            await Engine.DisposeAsync().ConfigureAwait(false);
            await Site.DisposeAsync().ConfigureAwait(false);
            if (OwnLog is not null)
            {
                await OwnLog.DisposeAsync().ConfigureAwait(false);
            }

            if (OwnDatabases is not null)
            {
                await OwnDatabases.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
