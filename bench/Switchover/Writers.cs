using System.Collections.Concurrent;
using System.Diagnostics;
using Npgsql;
using PgCluster.Adapters.Postgres;

namespace PgCluster.Bench.Switchover;

/// <summary>
/// Clients of a pooler that change a pgbench database at a steady rate: a transaction updates three accounts and adds an entry to a ledger. None of
/// them may see an error. What could not be written while it waited is not made up for.
/// </summary>
internal sealed class Writers : IAsyncDisposable
{
    /// <summary>The table they add to.</summary>
    public const string Ledger = "CREATE TABLE bench_ledger (writer integer, entry bigint, PRIMARY KEY (writer, entry))";

    private const int ChangesPerTransaction = 4;

    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<long> _acknowledged = [];
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly Task[] _writers;

    private Writers(string connectionString, int accounts, int count, int changesPerSecond)
    {
        var pace = TimeSpan.FromSeconds((double)ChangesPerTransaction * count / changesPerSecond);
        _writers = [.. Enumerable.Range(0, count).Select(writer => Task.Run(() => WriteAsync(connectionString, writer, count, accounts / count, pace)))];
    }

    /// <summary>Entries that were acknowledged: as many have to be in the ledger.</summary>
    public int Acknowledged => _acknowledged.Count;

    /// <summary>Changes a second, from the first to now.</summary>
    public double Rate => Acknowledged * ChangesPerTransaction / Stopwatch.GetElapsedTime(_began).TotalSeconds;

    public static Writers Start(string uri, int accounts, int count, int changesPerSecond)
    {
        var settings = LibpqUri.Parse(uri).ToConnectionString();
        settings.Username = "postgres";
        settings.Pooling = false;
        settings.CommandTimeout = 60;

        // PgBouncer 1.18 can die of a request to cancel ("bad client state").
        settings.CancellationTimeout = -1;
        return new Writers(settings.ConnectionString + ";Server Compatibility Mode=NoTypeLoading", accounts, count, changesPerSecond);
    }

    /// <summary>The longest time without an acknowledged transaction from a moment on, in milliseconds.</summary>
    /// <param name="from">A timestamp of <see cref="Stopwatch"/>.</param>
    public double LongestGapMs(long from)
    {
        long[] all = [.. _acknowledged.Order(), Stopwatch.GetTimestamp()];
        return all.Zip(all.Skip(1)).Where(pair => pair.Second > from).Max(pair => Stopwatch.GetElapsedTime(pair.First, pair.Second).TotalMilliseconds);
    }

    /// <summary>Returns when that many more transactions were acknowledged, with the error of a writer that has ended.</summary>
    public async Task WriteMoreAsync(int transactions, CancellationToken cancellationToken)
    {
        for (var goal = Acknowledged + transactions; Acknowledged < goal; await Task.Delay(20, cancellationToken))
        {
            await Task.WhenAll(_writers.Where(w => w.IsFaulted));
        }
    }

    /// <summary>Lets the transactions in flight end.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_writers);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_writers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task WriteAsync(string connectionString, int writer, int writers, int accounts, TimeSpan pace)
    {
        var random = new Random(writer);
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        var step = (long)(pace.TotalSeconds * Stopwatch.Frequency);
        var due = Stopwatch.GetTimestamp() + (step * writer / writers);
        for (var entry = 1L; !_stop.IsCancellationRequested; entry++)
        {
            // Each has accounts of its own: they do not wait for each other.
            var ids = string.Join(", ", Enumerable.Range(0, ChangesPerTransaction - 1).Select(third =>
                (((long)random.Next(accounts / 3) + (third * (accounts / 3))) * writers) + writer + 1));
            await using (var command = new NpgsqlCommand(
                FormattableString.Invariant($"""
                    WITH a AS (UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid IN ({ids}))
                    INSERT INTO bench_ledger VALUES ({writer}, {entry})
                    """),
                connection))
            {
                await command.ExecuteNonQueryAsync();
            }

            var now = Stopwatch.GetTimestamp();
            _acknowledged.Enqueue(now);
            due = Math.Max(due + step, now - step);
            await Task.Delay(due > now ? Stopwatch.GetElapsedTime(now, due) : TimeSpan.Zero);
        }
    }
}
