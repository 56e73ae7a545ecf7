using Npgsql;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Integration.Postgres;

/// <summary>Servers of one cluster: a primary, and standbys made from it.</summary>
internal sealed class StreamingLab : IAsyncDisposable
{
    /// <summary>What the servers should agree on.</summary>
    internal const string Content = "SELECT count(*) || ' ' || coalesce(md5(string_agg(id::text, ',' ORDER BY id)), '') FROM t";

    private readonly PostgresLab _lab;
    private readonly Dictionary<string, LocalPostgresOptions> _options = [];
    private readonly Dictionary<string, LocalPostgresServer> _servers = [];

    /// <param name="binaries">Programs of another version; null for the machine's.</param>
    internal StreamingLab(string? binaries = null) => _lab = new PostgresLab { OtherBinaries = binaries };

    internal static CancellationToken Token => TestContext.Current.CancellationToken;

    internal string Root => _lab.Root;

    internal LocalPostgresServer this[string name] => _servers[name];

    internal LocalPostgresOptions Options(string name) => _options[name];

    internal UpstreamAddress Address(string name, string? slot = null) => new(name, _options[name].Host, _options[name].Port, slot);

    internal static void Write(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);

    /// <summary>The first is the primary; the others stream from it when this returns.</summary>
    internal async Task StartAsync(string settings, params string[] names)
    {
        var primary = await _lab.CreatePrimaryAsync(names[0], settings);
        _options[names[0]] = primary;
        _servers[names[0]] = _lab.Open(primary);
        await _servers[names[0]].StartAsync(Token);
        foreach (var name in names[1..])
        {
            _options[name] = await _lab.CreateBackupAsync(name, primary);
            _servers[name] = _lab.Open(_options[name]);
            await _servers[name].FollowAsync(Address(names[0]), Token);
            await StreamsAsync(name);
        }
    }

    /// <summary>The same node, with other options.</summary>
    internal LocalPostgresServer Reopen(string name, Func<LocalPostgresOptions, LocalPostgresOptions>? change = null) =>
        _lab.Open(change is null ? _options[name] : change(_options[name]));

    internal Task<string?> QueryAsync(string name, string sql) => PostgresLab.QueryAsync(_options[name], sql);

    internal Task<NpgsqlConnection> ConnectAsync(string name) => PostgresLab.ConnectAsync(_options[name], "test");

    internal Task<PostgresStatus> ProbeUntilAsync(string name, Func<PostgresStatus, bool> isWanted) => PostgresLab.ProbeUntilAsync(_servers[name], isWanted);

    /// <summary>Waits until it streams, has everything its primary had when this was called, and answers the query like its primary.</summary>
    internal async Task CatchesUpAsync(string name, string primary, string sql)
    {
        var timeline = (await _servers[primary].ProbeAsync(Token)).Timeline;
        await ProbeUntilAsync(name, s => s.State == NodeState.Running && s.Timeline == timeline && s.UpstreamAddress == $"127.0.0.1:{_options[primary].Port}");
        var lsn = Lsn.Parse((await QueryAsync(primary, "SELECT pg_current_wal_flush_lsn()::text"))!);
        await ProbeUntilAsync(name, s => s.ReplayLsn >= lsn);
        Assert.Equal(await QueryAsync(primary, sql), await QueryAsync(name, sql));
    }

    internal Task StreamsAsync(string name) => ProbeUntilAsync(name, s => s is { State: NodeState.Running, Role: NodeRole.Standby });

    /// <summary>pg02 is promoted while pg01, and a standby that still hears of it, write on. Returns where they part.</summary>
    internal async Task<Lsn> DivergeAsync(params string[] alsoAhead)
    {
        await QueryAsync("pg01", "CREATE TABLE IF NOT EXISTS t (id int)");
        await QueryAsync("pg01", "INSERT INTO t SELECT generate_series(1, 20000)");
        await QueryAsync("pg01", "CREATE TABLE only_here AS SELECT generate_series(1, 1000) AS id");
        var level = Lsn.Parse((await QueryAsync("pg01", "SELECT pg_current_wal_flush_lsn()::text"))!);
        await ProbeUntilAsync("pg02", s => s.ReplayLsn >= level);
        var standby = await this["pg02"].SealAsync(TimeSpan.FromSeconds(5), Token);
        await QueryAsync("pg01", "DELETE FROM t WHERE id % 3 = 0");
        await QueryAsync("pg01", "INSERT INTO t SELECT generate_series(100001, 120000)");
        await QueryAsync("pg01", "DROP TABLE only_here");
        await QueryAsync("pg01", "CREATE TABLE lost AS SELECT generate_series(1, 50000) AS id");
        var ahead = Lsn.Parse((await QueryAsync("pg01", "SELECT pg_current_wal_flush_lsn()::text"))!);
        foreach (var name in alsoAhead)
        {
            await ProbeUntilAsync(name, s => s.Lsn >= ahead && (s.ReplayPaused || s.ReplayLsn >= ahead));
        }

        await this["pg02"].PromoteAsync(Token);
        await QueryAsync("pg02", "UPDATE t SET id = -id WHERE id % 2 = 0");
        await QueryAsync("pg02", "CREATE TABLE gained AS SELECT generate_series(1, 1000) AS id");
        Assert.True(ahead > standby.ReceivedLsn);
        return (await this["pg02"].InspectAsync(Address("pg02"), Token)).Node.History.Switches[^1].Lsn;
    }

    /// <summary>Gives a node configuration that no other has, and its future source a file that it must not get.</summary>
    internal async Task GiveOwnConfigurationAsync(string name, string data)
    {
        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var more = Path.Combine(data, "more");
        Directory.CreateDirectory(more);
        PostgresLab.Account?.Own(more);
        DurableFile.Write(Path.Combine(more, "mine.conf"), "deadlock_timeout = 3ms\n", Mode, PostgresLab.Account);
        DurableFile.Write(Path.Combine(data, "server.key"), $"key of {name}", Mode, PostgresLab.Account);
        DurableFile.Write(Path.Combine(data, "pg_ident.conf"), $"# of {name}\n", Mode, PostgresLab.Account);
        DurableFile.Write(Path.Combine(Options("pg02").DataDirectory, "of-the-source"), "not mine", Mode, PostgresLab.Account);
        var conf = Path.Combine(data, "postgresql.conf");
        DurableFile.Write(conf, await File.ReadAllTextAsync(conf, Token) + "include_dir 'more' # mine\n", Mode, PostgresLab.Account);
    }

    /// <summary>All of a node's own files with their content, but for what following changes.</summary>
    internal static string OwnFiles(string data) => string.Join('\n', NodeFiles.Find(data)
        .Where(file => file != PostgresAutoConf.FileName && file != LocalPostgresServer.SealedConnectionFile)
        .Select(file => $"{file}: {File.ReadAllText(Path.Combine(data, file))}"));

    public ValueTask DisposeAsync() => _lab.DisposeAsync();
}
