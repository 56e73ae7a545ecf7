using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Adapters.Postgres;
using PgCluster.Engine.Nodes;
using PgCluster.Playground;

namespace PgCluster.Bench.Switchover;

/// <summary>A playground of one server, which publishes its changes: where the database is, or where it goes.</summary>
internal sealed class Site
{
    private readonly LibpqUri _server;

    private Site(PlaygroundInfo info)
    {
        Info = info;
        _server = LibpqUri.Parse(info.Servers[0].Uri);
    }

    public PlaygroundInfo Info { get; }

    public static async Task<Site> CreateAsync(PlaygroundManager manager, string name, CancellationToken cancellationToken)
    {
        var site = new Site(await manager.CreateAsync(new PlaygroundOptions { Name = name, Nodes = 1, Synchronous = false }, null, cancellationToken));
        await site.ExecuteAsync(
            "postgres", cancellationToken,
            "ALTER SYSTEM SET wal_level = logical", "ALTER SYSTEM SET shared_buffers = '256MB'", "ALTER SYSTEM SET max_wal_size = '4GB'");
        var server = site.Info.Servers[0];
        await using var postgres = new LocalPostgresServer(
            new LocalPostgresOptions
            {
                NodeName = server.Name,
                Port = site._server.Port,
                DataDirectory = server.DataDirectory,
                LogFile = Path.Combine(Path.GetDirectoryName(server.DataDirectory)!, "postgres.log"),
                ReplicationUser = "replicator",
            },
            TimeProvider.System,
            NullLogger<LocalPostgresServer>.Instance);
        await postgres.StopAsync(ShutdownMode.Fast, cancellationToken);
        await postgres.StartAsync(cancellationToken);
        return site;
    }

    /// <summary>libpq URI of a database.</summary>
    public string Uri(string database) => FormattableString.Invariant($"postgresql://postgres@{_server.Host}:{_server.Port}/{database}");

    /// <summary>What libpq's programs need to know of a database.</summary>
    public Dictionary<string, string?> Environment(string database) => new()
    {
        ["PGHOST"] = _server.Host, ["PGPORT"] = FormattableString.Invariant($"{_server.Port}"), ["PGUSER"] = "postgres", ["PGDATABASE"] = database,
    };

    /// <summary>Makes a database anew, with nothing in it.</summary>
    public Task RecreateAsync(string database, CancellationToken cancellationToken) => ExecuteAsync(
        "postgres", cancellationToken, $"DROP DATABASE IF EXISTS {database} WITH (FORCE)", $"CREATE DATABASE {database}", "CHECKPOINT");

    /// <summary>Gives a database another name, whoever is connected to it.</summary>
    public Task RenameAsync(string database, string name, CancellationToken cancellationToken) => ExecuteAsync(
        "postgres", cancellationToken, $"ALTER DATABASE {database} ALLOW_CONNECTIONS false",
        $"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database}'",
        $"ALTER DATABASE {database} RENAME TO {name}", $"ALTER DATABASE {name} ALLOW_CONNECTIONS true");

    public async Task ExecuteAsync(string database, CancellationToken cancellationToken, params string[] statements)
    {
        await using var connection = await OpenAsync(database, cancellationToken);
        foreach (var sql in statements)
        {
            await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    public async Task<long> CountAsync(string database, string sql, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(database, cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        return (long)(await command.ExecuteScalarAsync(cancellationToken) ?? throw new InvalidOperationException($"no row: {sql}"));
    }

    private async Task<NpgsqlConnection> OpenAsync(string database, CancellationToken cancellationToken)
    {
        var settings = LibpqUri.Parse(Uri(database)).ToConnectionString();
        settings.Pooling = false;
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        return connection;
    }
}
