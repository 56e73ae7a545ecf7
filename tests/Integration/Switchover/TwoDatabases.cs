using Npgsql;
using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Switchover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>Two databases of a server, fresh for a test.</summary>
internal sealed class TwoDatabases : IAsyncDisposable
{
    private const string Objects = """
        SELECT count(*) FROM (
          SELECT oid FROM pg_namespace WHERE nspname = 'pgcluster_switchover'
          UNION ALL SELECT oid FROM pg_trigger WHERE tgname LIKE '%pgcluster%'
          UNION ALL SELECT oid FROM pg_class WHERE relname LIKE '%pgcluster%' OR relname LIKE 'change_log%') o
        """;

    private readonly PostgresInstance _server;
    private readonly string _name = $"move_{Guid.NewGuid():N}";

    private TwoDatabases(PostgresInstance server)
    {
        _server = server;
        Options = new SwitchoverOptions { SourceUri = Uri($"{_name}_a"), TargetUri = Uri($"{_name}_b"), MaxLag = 5_000 };
        Databases = new SwitchoverDatabases(Options.SourceUri, Options.TargetUri, "test", "test");
        Back = new SwitchoverDatabases(Options.TargetUri, Options.SourceUri, "test", "test");
    }

    public SwitchoverOptions Options { get; }

    public SwitchoverDatabases Databases { get; }

    /// <summary>With source and target in each other's place.</summary>
    public SwitchoverDatabases Back { get; }

    public string Source => PostgresInstance.ConnectionString(_server.Port, $"{_name}_a");

    public string Target => PostgresInstance.ConnectionString(_server.Port, $"{_name}_b");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Makes both; the schema is in both, the rows in the source.</summary>
    public static async Task<TwoDatabases> CreateAsync(PostgresInstance server, string schema, string rows)
    {
        var two = new TwoDatabases(server);
        await server.ExecuteAsync($"CREATE DATABASE {two._name}_a");
        await server.ExecuteAsync($"CREATE DATABASE {two._name}_b");

        // Oids must not be the same on both sides by chance.
        await ExecuteAsync(two.Target, "CREATE TABLE in_between (id serial PRIMARY KEY, t text); DROP TABLE in_between");
        await ExecuteAsync(two.Source, schema);
        await ExecuteAsync(two.Target, schema);
        await ExecuteAsync(two.Source, rows);
        return two;
    }

    public static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Token);
    }

    public static async Task<T> ScalarAsync<T>(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync(Token))!;
    }

    /// <summary>Each table with the number of its rows and a checksum over all of them.</summary>
    public async Task<Dictionary<string, string>> ChecksumsAsync(string connectionString)
    {
        var catalog = await CatalogReader.ReadAsync(Databases.Source, Options, Token);
        var sums = new Dictionary<string, string>();
        foreach (var table in catalog.Tables.Select(t => t.Name))
        {
            sums.Add(table.ToString(), await ScalarAsync<string>(
                connectionString,
                $"SELECT count(*) || ' ' || coalesce(sum(('x' || left(md5(t::text), 15))::bit(60)::bigint), 0) FROM ONLY {table.Sql} AS t"));
        }

        return sums;
    }

    /// <summary>Fails when a table differs.</summary>
    public async Task AssertEqualAsync() => Assert.Equal(await ChecksumsAsync(Source), await ChecksumsAsync(Target));

    /// <summary>Objects of switchovers on both sides.</summary>
    public async Task<long> ObjectsAsync() => await ScalarAsync<long>(Source, Objects) + await ScalarAsync<long>(Target, Objects);

    public async ValueTask DisposeAsync()
    {
        await Databases.DisposeAsync();
        await Back.DisposeAsync();
        await _server.ExecuteAsync($"DROP DATABASE {_name}_a WITH (FORCE)");
        await _server.ExecuteAsync($"DROP DATABASE {_name}_b WITH (FORCE)");
    }

    private string Uri(string database) => $"postgresql://postgres@{PostgresInstance.FirstHost}:{_server.Port}/{database}";
}
