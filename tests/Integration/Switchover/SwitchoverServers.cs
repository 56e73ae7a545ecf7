using System.Globalization;
using Npgsql;
using PgCluster.Adapters.Switchover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>Two servers; each test makes databases of its own on them.</summary>
public sealed class SwitchoverServers : IAsyncLifetime
{
    /// <summary>application_name of the connections of a run.</summary>
    public const string Application = "pgcluster-test-run";

    private static int _databases;

    public PostgresInstance Source { get; } = new("wal_level=logical", "max_prepared_transactions=4");

    public PostgresInstance Target { get; } = new("wal_level=replica");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await Task.WhenAll(Source.InitializeAsync().AsTask(), Target.InitializeAsync().AsTask());

    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        await Target.DisposeAsync();
    }

    /// <summary>Makes a database on both, with these statements in them.</summary>
    public async Task<SwitchoverOptions> CreateAsync(string source = "", string target = "", string like = "")
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"Shop {Interlocked.Increment(ref _databases)}");
        await Source.ExecuteAsync($"CREATE DATABASE \"{name}\" {like}");
        await Target.ExecuteAsync($"CREATE DATABASE \"{name}\"");
        var options = new SwitchoverOptions { SourceUri = Uri(Source, name), TargetUri = Uri(Target, name) };
        await ExecuteAsync(options.SourceUri, source);
        await ExecuteAsync(options.TargetUri, target);
        return options;
    }

    public static SwitchoverDatabases Open(SwitchoverOptions options) => new(options.SourceUri, options.TargetUri, Application, Application);

    public static string Uri(PostgresInstance server, string database, string user = "postgres", string host = PostgresInstance.FirstHost) =>
        string.Create(CultureInfo.InvariantCulture, $"postgresql://{user}@{host}:{server.Port}/{System.Uri.EscapeDataString(database)}");

    public static async Task ExecuteAsync(string uri, string sql)
    {
        await using var connection = await ConnectAsync(uri, "setup");
        await using var command = new NpgsqlCommand(sql, connection);
        if (sql.Length > 0)
        {
            await command.ExecuteNonQueryAsync(Token);
        }
    }

    /// <summary>A connection of its own, not pooled.</summary>
    public static async Task<NpgsqlConnection> ConnectAsync(string uri, string application)
    {
        var settings = PgCluster.Adapters.Postgres.LibpqUri.Parse(uri).ToConnectionString();
        settings.Pooling = false;
        settings.ApplicationName = application;
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(Token);
        return connection;
    }
}
