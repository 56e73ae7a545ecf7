using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Npgsql;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;

namespace PgCluster.Bench.Failover;

/// <summary>
/// The same move with direct commands and nothing else: no lock, no plan, no agents, no store, no proof beyond the shutdown checkpoint. Every
/// connection is open before, every wait looks each millisecond. What a careful person with perfect reflexes could do, and so the floor.
/// </summary>
internal sealed class ByHand : IAsyncDisposable
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(30);

    private readonly PlaygroundInfo _playground;
    private readonly Dictionary<string, NpgsqlConnection> _servers = [];
    private readonly List<(AdminConsole Console, PlaygroundPooler Pooler)> _poolers = [];

    private ByHand(PlaygroundInfo playground) => _playground = playground;

    /// <summary>Opens every connection that the move needs.</summary>
    public static async Task<ByHand> PrepareAsync(PlaygroundInfo playground, CancellationToken cancellationToken)
    {
        var hand = new ByHand(playground);
        foreach (var server in playground.Servers)
        {
            hand._servers[server.Name] = await OpenAsync(server, cancellationToken);
        }

        foreach (var pooler in playground.Poolers)
        {
            var uri = LibpqUri.Parse(pooler.Uri);
            hand._poolers.Add((await AdminConsole.OpenAsync(uri.Host, uri.Port, cancellationToken), pooler));
        }

        return hand;
    }

    /// <summary>Moves the primary to its synchronous standby; returns how long each step took, in milliseconds, in order.</summary>
    public async Task<IReadOnlyList<(string Step, double Ms)>> MoveAsync(CancellationToken cancellationToken)
    {
        var roles = new Dictionary<string, bool>();
        foreach (var (name, connection) in _servers)
        {
            roles[name] = await AskAsync<bool>(connection, "select pg_is_in_recovery()", cancellationToken);
        }

        var old = _playground.Servers.Single(s => !roles[s.Name]);
        var synchronous = await AskAsync<string>(_servers[old.Name], "select application_name from pg_stat_replication where sync_state = 'sync'", cancellationToken);
        var target = _playground.Servers.Single(s => s.Name == synchronous);
        var other = _playground.Servers.Single(s => s != old && s != target);
        var uri = LibpqUri.Parse(target.Uri);
        var postmaster = ProcessIdentity.Find(Postmaster(target)) ?? throw new InvalidOperationException($"{target.Name} does not run");
        var primary = ProcessIdentity.Find(Postmaster(old)) ?? throw new InvalidOperationException($"{old.Name} does not run");

        var steps = new List<(string, double)>();
        var clock = Stopwatch.GetTimestamp();
        void Done(string step)
        {
            var now = Stopwatch.GetTimestamp();
            steps.Add((step, Stopwatch.GetElapsedTime(clock, now).TotalMilliseconds));
            clock = now;
        }

        // Commits wait for a standby, so the other one streams from the target before that is the primary: it goes on when it is.
        await FollowAsync(other, uri, cancellationToken);
        await UntilAsync(
            "the other standby streams from the target",
            () => AskAsync<bool>(_servers[target.Name], "select count(*) > 0 from pg_stat_replication where state = 'streaming'", cancellationToken), cancellationToken);
        Done("Cascade");
        await RunAsync(_servers[old.Name], "checkpoint", cancellationToken);
        Done("Checkpoint");
        await Task.WhenAll(_poolers.Select(p => p.Console.RunAsync("PAUSE", cancellationToken)));
        Done("Pause");
        primary.Signal(UnixSignal.Interrupt);
        await UntilAsync("the primary has stopped", () => Task.FromResult(!primary.IsRunning), cancellationToken);
        Done("Stop");
        var checkpoint = ShutdownCheckpoint(old);
        await UntilAsync(
            "the standby has the shutdown checkpoint",
            () => AskAsync<bool>(_servers[target.Name], $"select pg_last_wal_replay_lsn() > '{checkpoint}'", cancellationToken), cancellationToken);
        Done("Prove");

        await File.WriteAllBytesAsync(Path.Combine(target.DataDirectory, "promote"), [], cancellationToken);
        postmaster.Signal(UnixSignal.User1);
        await UntilAsync(
            "the standby is promoted", async () => !await AskAsync<bool>(_servers[target.Name], "select pg_is_in_recovery()", cancellationToken), cancellationToken);
        Done("Promote");
        await Task.WhenAll(_poolers.Select(p => RepointAsync(p.Console, p.Pooler, uri, cancellationToken)));
        Done("Repoint");
        await Task.WhenAll(_poolers.Select(p => p.Console.RunAsync("RESUME", cancellationToken)));
        Done("Resume");

        await RejoinAsync(old, uri, target.Name, cancellationToken);
        Done("Rejoin");
        return steps;
    }

    /// <summary>Waits until both standbys stream and one is synchronous.</summary>
    public async Task SettleAsync(CancellationToken cancellationToken)
    {
        foreach (var server in _playground.Servers)
        {
            var connection = _servers[server.Name];
            if (connection.State != System.Data.ConnectionState.Open)
            {
                await connection.DisposeAsync();
                _servers[server.Name] = await OpenAsync(server, cancellationToken);
            }
        }

        await UntilAsync("both standbys stream", async () =>
        {
            foreach (var connection in _servers.Values)
            {
                if (await AskAsync<bool>(
                    connection,
                    "select count(*) = 2 and count(*) filter (where sync_state = 'sync') = 1 from pg_stat_replication where state = 'streaming'", cancellationToken))
                {
                    return true;
                }
            }

            return false;
        }, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _servers.Values)
        {
            await connection.DisposeAsync();
        }

        foreach (var (console, _) in _poolers)
        {
            await console.DisposeAsync();
        }
    }

    private async Task FollowAsync(PlaygroundServer standby, LibpqUri target, CancellationToken cancellationToken)
    {
        var info = string.Create(CultureInfo.InvariantCulture, $"host={target.Host} port={target.Port} user=replicator application_name={standby.Name}");
        await RunAsync(_servers[standby.Name], $"alter system set primary_conninfo = '{info}'", cancellationToken);
        await RunAsync(_servers[standby.Name], "select pg_reload_conf()", cancellationToken);
    }

    private static async Task RepointAsync(AdminConsole console, PlaygroundPooler pooler, LibpqUri target, CancellationToken cancellationToken)
    {
        var template = await File.ReadAllTextAsync(pooler.ConfigFile + ".template", cancellationToken);
        await File.WriteAllTextAsync(
            pooler.ConfigFile,
            template.Replace("{{.Host}}", target.Host, StringComparison.Ordinal)
                .Replace("{{.Port}}", target.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal), cancellationToken);
        await console.RunAsync("RELOAD", cancellationToken);
    }

    /// <summary>The old primary comes back as a standby; nobody waits for it any more.</summary>
    private async Task RejoinAsync(PlaygroundServer old, LibpqUri target, string targetName, CancellationToken cancellationToken)
    {
        await _servers[old.Name].DisposeAsync();
        await using var server = new LocalPostgresServer(
            new LocalPostgresOptions
            {
                NodeName = old.Name,
                Port = LibpqUri.Parse(old.Uri).Port,
                DataDirectory = old.DataDirectory,
                LogFile = Path.Combine(Path.GetDirectoryName(old.DataDirectory)!, "postgres.log"),
                ReplicationUser = "replicator",
            },
            TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<LocalPostgresServer>.Instance);
        await server.FollowAsync(new Engine.Nodes.UpstreamAddress(targetName, target.Host, target.Port), cancellationToken);
        _servers[old.Name] = await OpenAsync(old, cancellationToken);
    }

    private static int Postmaster(PlaygroundServer server) =>
        int.Parse(File.ReadLines(Path.Combine(server.DataDirectory, "postmaster.pid")).First(), CultureInfo.InvariantCulture);

    /// <summary>pg_control of a server that was shut down: its state at byte 16 (1: shut down), its last checkpoint's position at byte 32.</summary>
    private static Lsn ShutdownCheckpoint(PlaygroundServer server)
    {
        var control = File.ReadAllBytes(Path.Combine(server.DataDirectory, "global", "pg_control"));
        return BinaryPrimitives.ReadInt32LittleEndian(control.AsSpan(16)) == 1
            ? new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(control.AsSpan(32)))
            : throw new InvalidOperationException($"{server.Name} was not shut down cleanly");
    }

    private static async Task<NpgsqlConnection> OpenAsync(PlaygroundServer server, CancellationToken cancellationToken)
    {
        var settings = LibpqUri.Parse(server.Uri).ToConnectionString();
        settings.Database = "postgres";
        settings.Pooling = false;
        settings.SslMode = SslMode.Disable;
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        return connection;
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<T> AskAsync<T>(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync(cancellationToken) ?? throw new InvalidOperationException($"no row: {sql}"));
    }

    private static async Task UntilAsync(string what, Func<Task<bool>> isSo, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await isSo())
        {
            if (Stopwatch.GetElapsedTime(began) > Budget)
            {
                throw new TimeoutException($"not within {Budget.TotalSeconds} s: {what}");
            }

            await Task.Delay(1, cancellationToken);
        }
    }
}
