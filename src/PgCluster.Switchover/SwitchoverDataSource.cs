using System.Data.Common;
using Microsoft.Extensions.Logging;
using Npgsql;
using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Switchover;

namespace PgCluster.Switchover;

/// <summary>
/// Connections to whichever of two databases is in charge. Each holds a shared advisory lock while it is open, so that a switchover can wait until nobody
/// writes, and each is opened only after its database said that it is in charge: no write is lost on the way. While the world is stopped, opening waits.
/// </summary>
/// <remarks>
/// Whoever holds one connection and opens a second while a switchover stops the world waits for it, and it for the first: the switchover then gives up
/// after its lock timeout and changes nothing.
/// </remarks>
public sealed class SwitchoverDataSource : DbDataSource
{
    private readonly SwitchoverDataSourceOptions _options;
    private readonly GateSide _current;
    private readonly GateSide? _next;
    private readonly NpgsqlDataSource _node;
    private readonly NpgsqlDataSource? _nodeOnNext;
    private readonly ILogger _logger;
    private GateSide _inCharge;
    private int _disposed;

    /// <summary>Makes a data source; nothing is connected yet.</summary>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.InvalidConfiguration"/>: limits that do not go together, or multiplexing; <see cref="Reason.InvalidArgument"/>: product or version.
    /// </exception>
    public SwitchoverDataSource(SwitchoverDataSourceOptions options)
    {
        options.Limits.Validate();
        _options = options;
        _logger = options.LoggerFactory.CreateLogger<SwitchoverDataSource>();
        _current = new GateSide("current", Build(options.Current, ConnectionTag.ApplicationOnCurrent), options.Limits, _logger);
        _node = Build(options.Current, ConnectionTag.NodeOnCurrent);
        if (options.Next is not null)
        {
            _next = new GateSide("next", Build(options.Next, ConnectionTag.ApplicationOnNext), options.Limits, _logger);
            _nodeOnNext = Build(options.Next, ConnectionTag.NodeOnNext);
        }

        _inCharge = _current;
    }

    /// <summary>True once a connection found the next database in charge.</summary>
    public bool IsSwitched => Volatile.Read(ref _inCharge) != _current;

    /// <summary>The current database's connection string, without its password.</summary>
    public override string ConnectionString => _node.ConnectionString;

    /// <summary>Opens a connection to the database in charge; waits while the world is stopped.</summary>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.StepTimeout"/>: nothing within <see cref="SwitchoverLimits.GateTimeout"/>; <see cref="Reason.StaleDatabase"/>: no database is in
    /// charge, or the only one is not; <see cref="Reason.InvalidConfiguration"/>: a pooler in transaction mode, or a database that was not prepared.
    /// </exception>
    /// <exception cref="NpgsqlException">The database in charge cannot be reached.</exception>
    public new async ValueTask<SwitchoverConnection> OpenConnectionAsync(CancellationToken cancellationToken = default) =>
        (SwitchoverConnection)await base.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>
    /// Starts this application's participant, which pauses it when a switchover asks for that. Dispose it before this data source. It cannot lead.
    /// </summary>
    /// <param name="application">What is paused: a <see cref="PauseGroup"/> or <see cref="PauseLifecycle"/> over the parts that use the database.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.InvalidConfiguration"/>: no next database, one that was not prepared, or a pooler in transaction mode.
    /// </exception>
    public async Task<SwitchoverParticipant> StartParticipantAsync(IPausable application, CancellationToken cancellationToken)
    {
        if (_nodeOnNext is null)
        {
            throw new PgClusterException(Reason.InvalidConfiguration, "Not in switchover mode: no next database is configured.");
        }

        // LISTEN and session locks would be lost in a pooler in transaction mode, as those of the application.
        await _current.EnsureSessionsAsync(cancellationToken).ConfigureAwait(false);
        var options = new SwitchoverNodeOptions
        {
            Id = _options.Id,
            CurrentDbId = await DbIdAsync(_node, "current", cancellationToken).ConfigureAwait(false),
            NextDbId = await DbIdAsync(_nodeOnNext, "next", cancellationToken).ConfigureAwait(false),
            Limits = _options.Limits,
        };
        var log = new PostgresMessageLog(_node, _options.Limits);
        var node = new SwitchoverNode(
            options, log, new PostgresSwitchoverControl(_node, _options.Limits), application, null, _options.TimeProvider,
            _options.LoggerFactory.CreateLogger<SwitchoverNode>());
        var participant = new SwitchoverParticipant(node, log);
        try
        {
            await node.StartAsync(cancellationToken).ConfigureAwait(false);
            return participant;
        }
        catch
        {
            await participant.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    internal bool IsNext(GateSide side) => side == _next;

    internal async Task<(NpgsqlConnection Connection, GateSide Side)> TakeAsync(CancellationToken cancellationToken)
    {
        using var budget = new CancellationTokenSource(_options.Limits.GateTimeout, _options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, budget.Token);
        try
        {
            var side = Volatile.Read(ref _inCharge);

            // Three looks: the second may be at a database that was left again just then, which the third one finds out.
            for (var look = 0; look < 3; look++)
            {
                if (await side.TryTakeAsync(either.Token).ConfigureAwait(false) is { } connection)
                {
                    Remember(side, connection);
                    return (connection, side);
                }

                side = (side == _current ? _next : _current) ?? throw new PgClusterException(Reason.StaleDatabase, StaleDatabase.Message);
            }
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PgClusterException(
                Reason.StepTimeout,
                $"No connection within {_options.Limits.GateTimeout}: a switchover stops the world, or the database does not answer.",
                exception);
        }

        throw new PgClusterException(
            Reason.StaleDatabase, "Neither database is in charge: both have use_next_db set. Reset the one that is not to be used any more.");
    }

    /// <inheritdoc />
    protected override DbConnection CreateDbConnection() => new SwitchoverConnection(this);

    /// <inheritdoc />
    protected override async ValueTask DisposeAsyncCore()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _current.DisposeAsync().ConfigureAwait(false);
        await _node.DisposeAsync().ConfigureAwait(false);
        if (_next is not null && _nodeOnNext is not null)
        {
            await _next.DisposeAsync().ConfigureAwait(false);
            await _nodeOnNext.DisposeAsync().ConfigureAwait(false);
        }

        await base.DisposeAsyncCore().ConfigureAwait(false);
    }

    /// <inheritdoc />
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            DisposeAsyncCore().AsTask().GetAwaiter().GetResult();
        }

        base.Dispose(disposing);
    }

    private static async Task<Guid> DbIdAsync(NpgsqlDataSource source, string name, CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            var row = await SwitchoverObjects.ReadAsync(connection, cancellationToken).ConfigureAwait(false);
            return row?.DbId ?? throw new PgClusterException(
                Reason.InvalidConfiguration, $"The {name} database has no row in {SwitchoverObjects.Schema}.state. Prepare the switchover first.");
        }
    }

    private NpgsqlDataSource Build(NpgsqlDataSourceBuilder builder, char type)
    {
        if (builder.ConnectionStringBuilder.Multiplexing)
        {
            throw new PgClusterException(Reason.InvalidConfiguration, "Multiplexing shares connections between callers, so that none could hold its database.");
        }

        builder.ConnectionStringBuilder.ApplicationName =
            new ConnectionTag { Version = _options.Version, Type = type, Id = _options.Id }.Format(_options.Product);

        // A transaction that goes on after its connection was closed would go on after its lock was released.
        builder.ConnectionStringBuilder.Enlist = false;
        return builder.Build();
    }

    private void Remember(GateSide side, NpgsqlConnection connection)
    {
        var before = Interlocked.Exchange(ref _inCharge, side);
        if (before != side)
        {
            GateLog.Moved(_logger, side.Name, connection.Database);
            before.Forget();
        }
    }
}
