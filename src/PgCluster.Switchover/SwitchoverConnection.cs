using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Npgsql;

namespace PgCluster.Switchover;

/// <summary>
/// A connection to whichever database is in charge. While it is open, that database stays in charge; closing it lets a switchover go on. Commands, batches
/// and transactions are Npgsql's own. Session-level advisory locks of the application are released with it.
/// </summary>
public sealed class SwitchoverConnection : DbConnection
{
    private readonly SwitchoverDataSource _source;
    private NpgsqlConnection? _inner;
    private GateSide? _side;

    internal SwitchoverConnection(SwitchoverDataSource source) => _source = source;

    /// <summary>Npgsql's connection, for what only it can do; never to be closed by itself.</summary>
    /// <exception cref="InvalidOperationException">This connection is not open.</exception>
    public NpgsqlConnection Npgsql => _inner ?? throw new InvalidOperationException("The connection is not open.");

    /// <summary>True when it leads to the next database.</summary>
    public bool IsNext => _side is { } side && _source.IsNext(side);

    /// <inheritdoc />
    [AllowNull]
    public override string ConnectionString
    {
        get => _source.ConnectionString;
        set => throw new NotSupportedException("The data source decides where its connections lead.");
    }

    /// <inheritdoc />
    public override string Database => _inner?.Database ?? "";

    /// <inheritdoc />
    public override string DataSource => _inner?.DataSource ?? "";

    /// <inheritdoc />
    public override string ServerVersion => Npgsql.ServerVersion;

    /// <inheritdoc />
    public override ConnectionState State => _inner?.State ?? ConnectionState.Closed;

    /// <inheritdoc />
    public override bool CanCreateBatch => true;

    /// <inheritdoc />
    public override async Task OpenAsync(CancellationToken cancellationToken)
    {
        if (_inner is not null)
        {
            throw new InvalidOperationException("The connection is open already.");
        }

        (_inner, _side) = await _source.TakeAsync(cancellationToken).ConfigureAwait(false);
        OnStateChange(new StateChangeEventArgs(ConnectionState.Closed, ConnectionState.Open));
    }

    /// <inheritdoc />
    public override void Open() => OpenAsync(CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc />
    public override async Task CloseAsync()
    {
        if (Interlocked.Exchange(ref _inner, null) is { } inner)
        {
            await _side!.ReturnAsync(inner).ConfigureAwait(false);
            OnStateChange(new StateChangeEventArgs(ConnectionState.Open, ConnectionState.Closed));
        }
    }

    /// <inheritdoc />
    public override void Close() => CloseAsync().GetAwaiter().GetResult();

    /// <inheritdoc />
    public override void ChangeDatabase(string databaseName) => throw new NotSupportedException("The data source decides where its connections lead.");

    /// <inheritdoc />
    public override void EnlistTransaction(System.Transactions.Transaction? transaction) =>
        throw new NotSupportedException("A distributed transaction would outlive the connection's hold on its database.");

    /// <inheritdoc />
    public override async ValueTask DisposeAsync()
    {
        await CloseAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc />
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Close();
        }

        base.Dispose(disposing);
    }

    /// <inheritdoc />
    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) => Npgsql.BeginTransaction(isolationLevel);

    /// <inheritdoc />
    protected override async ValueTask<DbTransaction> BeginDbTransactionAsync(IsolationLevel isolationLevel, CancellationToken cancellationToken) =>
        await Npgsql.BeginTransactionAsync(isolationLevel, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc />
    protected override DbCommand CreateDbCommand() => Npgsql.CreateCommand();

    /// <inheritdoc />
    protected override DbBatch CreateDbBatch() => Npgsql.CreateBatch();
}
