using Npgsql;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>Writers that change a <see cref="NastySchema"/> in every way, one transaction after the other, until they are stopped.</summary>
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
    private readonly NpgsqlDataSource _database;
    private long _committed;

    public SwitchoverLoad(string connectionString, int writers = 4, int seed = 1)
    {
        _database = NpgsqlDataSource.Create(connectionString);
        _writers = [.. Enumerable.Range(0, writers).Select(i => Task.Run(() => WriteAsync(new Random(seed + i))))];
    }

    /// <summary>Transactions that were committed, or had nothing to do.</summary>
    public long Committed => Interlocked.Read(ref _committed);

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
        await _database.DisposeAsync();
        _stop.Dispose();
    }

    private async Task WriteAsync(Random random)
    {
        await using var connection = await _database.OpenConnectionAsync();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using var command = new NpgsqlCommand(_changes[random.Next(_changes.Length)](random), connection);
                await command.ExecuteNonQueryAsync();
                Interlocked.Increment(ref _committed);
            }
            catch (PostgresException e) when (e.SqlState[..2] is "23" or "40")
            {
                // Writers are in each other's way, and take values that are taken.
                await using var rollback = new NpgsqlCommand("ROLLBACK", connection);
                await rollback.ExecuteNonQueryAsync();
            }
        }
    }
}
