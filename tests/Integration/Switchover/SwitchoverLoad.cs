using System.Diagnostics;
using Npgsql;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>
/// Writers that change a <see cref="NastySchema"/> in every way, one transaction after the other, until they are stopped. Each keeps a ledger of what was
/// acknowledged. A database that refuses writes sends them to the other one.
/// </summary>
internal sealed class SwitchoverLoad : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<Random, string>[] _changes =
    [
        r => $"INSERT INTO employee (boss, name) VALUES ({r.Next(1, 500)}, 'new')",
        r => $"UPDATE employee SET boss = id, name = name || 'x' WHERE id = {r.Next(1, 600)}",
        r => $"DELETE FROM employee e WHERE id = {r.Next(1, 700)} AND NOT EXISTS (SELECT FROM employee x WHERE x.boss = e.id)",
        r => $"WITH p AS (INSERT INTO player VALUES ({r.Next(1000, 1_000_000)}, {r.Next(1, 100)}) RETURNING id, team)"
            + " UPDATE team SET captain = p.id FROM p WHERE team.id = p.team",
        r => $"BEGIN; UPDATE team SET captain = NULL WHERE id = {r.Next(50, 100)};"
            + " DELETE FROM player p WHERE id > 1000 AND NOT EXISTS (SELECT FROM team WHERE captain = p.id); COMMIT",
        r => $"UPDATE event SET region = (ARRAY['eu', 'us', 'asia'])[{r.Next(1, 4)}], payload = '{{\"moved\": {r.Next()}}}' WHERE id = {r.Next(1, 500)}",
        r => $"UPDATE event SET id = id + 600 WHERE region = 'eu' AND id = {r.Next(1, 500)}",
        r => $"DELETE FROM event WHERE id = {r.Next(1, 1200)}",
        r => $"INSERT INTO event VALUES ({r.Next(1, 1200)}, 'eu', now(), 1, NULL)",
        r => $"INSERT INTO event_note SELECT region, id, {r.Next(2, 30)}, 'more' FROM event WHERE id = {r.Next(1, 1200)}",
        _ => "BEGIN; UPDATE seat SET place = -1 WHERE id = 7; UPDATE seat SET place = 7 WHERE place = 8; UPDATE seat SET place = 8 WHERE id = 7; COMMIT",
        r => $"UPDATE seat SET rank = CASE id WHEN {r.Next(1, 100)} THEN 100 + rank ELSE rank END WHERE id < 100",
        _ => "UPDATE seat SET rank = CASE rank WHEN 3 THEN 4 ELSE 3 END WHERE rank IN (3, 4)",
        r => $"UPDATE seat SET code = 'd' || {r.Next(1, 9999)} WHERE id = {r.Next(1, 200)}",
        r => $"BEGIN; DELETE FROM booking WHERE id IN (5, 6); INSERT INTO booking VALUES (5, '[50,{r.Next(51, 70)})'); COMMIT",
        r => $"UPDATE values_of_all_kinds SET t = t || 'x', n = {r.Next()} WHERE p = {r.Next(1, 400)}",
        r => $"UPDATE values_of_all_kinds SET k = k + interval '1 microsecond', f = f / 3, j = j || '{{\"y\": 1}}' WHERE p = {r.Next(1, 400)}",
        r => $"UPDATE values_of_all_kinds SET big = repeat(md5('{r.Next()}'), 400), ms = ms || 'sad'::mood WHERE p = {r.Next(1, 400)}",
        r => $"UPDATE values_of_all_kinds SET i = -i WHERE p = {r.Next(1, 400)}",
        r => $"DELETE FROM values_of_all_kinds WHERE p = {r.Next(300, 400)}",
        r => $"UPDATE \"Odd \"\"Schema\"\".1\".\"Od;d $$ 'Tab\"\"le\" SET \"select\" = \"select\" / 1.1, \"v $1 :p @q\" = 'w{r.Next()}'"
            + $" WHERE \"Ke\"\"y; 'a\" LIKE '%{r.Next(1, 300)}'",
        r => $"INSERT INTO scratch VALUES (gen_random_uuid(), {r.Next()})",
        _ => "BEGIN; INSERT INTO scratch VALUES (gen_random_uuid(), 1); TRUNCATE scratch; INSERT INTO scratch VALUES (gen_random_uuid(), 2); COMMIT",
        _ => "BEGIN; TRUNCATE event_note; INSERT INTO event_note SELECT region, id, 1, 'again' FROM event WHERE id < 50; COMMIT",
        _ => "BEGIN; TRUNCATE booking; ROLLBACK",
        r => $"UPDATE parent SET v = 'u{r.Next()}' WHERE id = {r.Next(1, 50)}",
        r => $"BEGIN; SET LOCAL session_replication_role = replica; UPDATE child SET extra = {r.Next()} WHERE id = {r.Next(1, 50)}; COMMIT",
        r => $"BEGIN; SET LOCAL datestyle = 'German'; SET LOCAL extra_float_digits = -5;"
            + $" UPDATE values_of_all_kinds SET n = n + 1 WHERE p = {r.Next(1, 400)}; COMMIT",
    ];

    private readonly List<Task> _writers;
    private readonly string[] _databases;
    private readonly long[] _ledger;
    private readonly int _firstWriter;
    private long _committed;
    private long _lastCommit = Stopwatch.GetTimestamp();
    private long _longestGap;

    public SwitchoverLoad(string connectionString, int writers = 4, int seed = 1, string? other = null)
    {
        _databases = [connectionString, other ?? connectionString];
        _ledger = new long[writers];
        _firstWriter = seed;
        _writers = [.. Enumerable.Range(0, writers).Select(i => Task.Run(() => WriteAsync(new Random(seed + i), i)))];
    }

    /// <summary>Transactions that were committed, or had nothing to do.</summary>
    public long Committed => Interlocked.Read(ref _committed);

    /// <summary>The longest time in which no writer had a commit acknowledged.</summary>
    public TimeSpan LongestGap => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _longestGap));

    /// <summary>Fails unless a database has every acknowledged entry of the ledgers once, and no other.</summary>
    public async Task AssertLedgersAsync(string connectionString)
    {
        for (var i = 0; i < _ledger.Length; i++)
        {
            Assert.Equal(
                $"{_ledger[i]} {_ledger[i]}",
                await TwoDatabases.ScalarAsync<string>(
                    connectionString, $"SELECT count(*) || ' ' || coalesce(max(entry), 0) FROM ledger WHERE writer = {_firstWriter + i}"));
        }
    }

    /// <summary>Returns when no writer is at work; fails with what made one give up.</summary>
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

    private async Task WriteAsync(Random random, int writer)
    {
        var database = 0;
        while (!_stop.IsCancellationRequested)
        {
            await using var connection = new NpgsqlConnection(_databases[database]);
            await connection.OpenAsync();
            await WriteAsync(connection, random, writer);
            database = 1 - database;
        }
    }

    /// <summary>Returns when it is stopped, or the database refuses writes.</summary>
    private async Task WriteAsync(NpgsqlConnection connection, Random random, int writer)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await ExecuteAsync(connection, _changes[random.Next(_changes.Length)](random));
                CountCommit();
                await ExecuteAsync(connection, $"INSERT INTO ledger VALUES ({_firstWriter + writer}, {_ledger[writer] + 1})");
                _ledger[writer]++;
                CountCommit();
            }
            catch (PostgresException e) when (e.SqlState[..2] is "23" or "40" && e.ConstraintName is not ("employee_pkey" or "audit_pkey"))
            {
                // Writers are in each other's way, and take values that are taken; but never one of a sequence.
                await ExecuteAsync(connection, "ROLLBACK");
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ReadOnlySqlTransaction)
            {
                return;
            }
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private void CountCommit()
    {
        Interlocked.Increment(ref _committed);
        var now = Stopwatch.GetTimestamp();
        var gap = now - Interlocked.Exchange(ref _lastCommit, now);
        for (long seen; gap > (seen = Interlocked.Read(ref _longestGap));)
        {
            Interlocked.CompareExchange(ref _longestGap, gap, seen);
        }
    }
}
