using System.Diagnostics;
using System.Globalization;
using Npgsql;
using PgCluster.Bench.Hosts;
using PgCluster.Engine.Measurement;
using PgCluster.Playground;
using PgCluster.Playground.Hosts;

namespace PgCluster.Bench.Faults;

/// <summary>
/// Finds out who takes writes, by writing to every PostgreSQL directly, several times a second. A write is accepted when the insert is
/// answered and acknowledged when its commit is. None is ever cancelled: PostgreSQL answers a commit whose wait for a standby is cancelled
/// as if it were done.
/// </summary>
internal sealed class WriterSampler : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _probes;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _acknowledged = [];
    private readonly WriterReigns _accepting = new();
    private readonly WriterReigns _acknowledging = new();

    public WriterSampler(IEnumerable<NamespaceHost> hosts) => _probes = [.. hosts.Select(ProbeAsync)];

    /// <summary>Pairs of nodes that acknowledged writes at the same time.</summary>
    public IReadOnlyList<WriterOverlap> Acknowledged => _acknowledging.FindOverlaps();

    /// <summary>Pairs of nodes that let a transaction write at the same time, whether or not it could be committed.</summary>
    public IReadOnlyList<WriterOverlap> Accepted => _accepting.FindOverlaps();

    /// <summary>Writes acknowledged to the sampler, by node.</summary>
    public IReadOnlyDictionary<string, long> Writes
    {
        get
        {
            lock (_gate)
            {
                return new Dictionary<string, long>(_acknowledged);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_probes).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task ProbeAsync(NamespaceHost host)
    {
        await Task.Yield();
        await using var source = DirectSource.Open(host.Address, PlaygroundFiles.AppUser, Budget);
        NpgsqlConnection? connection = null;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                connection ??= await source.OpenConnectionAsync(_stop.Token);
                await WriteAsync(connection, host.Name);
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.ReadOnlySqlTransaction or PostgresErrorCodes.UndefinedTable)
            {
                // A standby, or a primary that nobody has prepared yet.
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException or OperationCanceledException)
            {
                await DropAsync(connection);
                connection = null;
            }

            await Task.Delay(Interval, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await DropAsync(connection);
    }

    private async Task WriteAsync(NpgsqlConnection connection, string node)
    {
        var sentAt = Stopwatch.GetTimestamp();
        await using var transaction = await connection.BeginTransactionAsync(_stop.Token);
        await using var command = new NpgsqlCommand(
            "insert into fault_probe values (clock_timestamp()) returning substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)", connection, transaction);
        var timeline = int.Parse((string)(await command.ExecuteScalarAsync(_stop.Token))!, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        var committedAt = Stopwatch.GetTimestamp();
        _accepting.Note(node, timeline, sentAt, committedAt);
        await transaction.CommitAsync(_stop.Token);
        _acknowledging.Note(node, timeline, committedAt, Stopwatch.GetTimestamp());
        lock (_gate)
        {
            _acknowledged[node] = _acknowledged.GetValueOrDefault(node) + 1;
        }
    }

    private static async ValueTask DropAsync(NpgsqlConnection? connection)
    {
        if (connection is not null)
        {
            try
            {
                await connection.DisposeAsync();
            }
            catch (Exception e) when (e is NpgsqlException or IOException or TimeoutException)
            {
                // It broke before.
            }
        }
    }
}
