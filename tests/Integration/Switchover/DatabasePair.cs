using System.Globalization;
using Npgsql;
using PgCluster.Adapters.Switchover;
using PgCluster.Switchover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>Two fresh databases of one server, owned by a role that may do nothing else, with the switchover's objects in them.</summary>
internal sealed class DatabasePair : IAsyncDisposable
{
    public const string Role = "swo_owner";

    private DatabasePair(PostgresInstance postgres, string name)
    {
        CurrentString = String(postgres, name + "_old");
        NextString = String(postgres, name + "_new");
        Current = NpgsqlDataSource.Create(CurrentString);
        Next = NpgsqlDataSource.Create(NextString);
    }

    public string CurrentString { get; }

    public string NextString { get; }

    public NpgsqlDataSource Current { get; }

    public NpgsqlDataSource Next { get; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Makes them.</summary>
    /// <param name="postgres">The server.</param>
    /// <param name="settings">Defaults of both databases: NAME = VALUE.</param>
    public static async Task<DatabasePair> CreateAsync(PostgresInstance postgres, params string[] settings)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"swo_{Guid.NewGuid():N}")[..20];
        await postgres.ExecuteAsync($$"""
            do $do$ begin
              perform pg_advisory_xact_lock(1);
              if not exists (select from pg_roles where rolname = '{{Role}}') then create role {{Role}} login; end if;
            end $do$
            """);
        foreach (var database in new[] { name + "_old", name + "_new" })
        {
            await postgres.ExecuteAsync($"create database {database} owner {Role}");
            foreach (var setting in settings)
            {
                await postgres.ExecuteAsync($"alter database {database} set {setting}");
            }
        }

        var pair = new DatabasePair(postgres, name);
        await InstallAsync(pair.Current);
        await InstallAsync(pair.Next);
        return pair;
    }

    public static async Task InstallAsync(NpgsqlDataSource source)
    {
        await using var connection = await source.OpenConnectionAsync(Token);
        await SwitchoverObjects.InstallAsync(connection, [], Token);
    }

    public SwitchoverDataSourceOptions Options(SwitchoverLimits limits) =>
        SwitchoverDataSourceOptions.For(CurrentString, NextString, "1.0.0") with { Limits = limits };

    public static Task SetAsync(NpgsqlDataSource source, string state) =>
        ExecuteAsync(source, $"update pgcluster_switchover.state set current_state = '{state}'");

    public static Task<string?> StateAsync(NpgsqlDataSource source) => ScalarAsync(source, "select current_state from pgcluster_switchover.state");

    public static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Token);
    }

    public static async Task<string?> ScalarAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        return Convert.ToString(await command.ExecuteScalarAsync(Token), CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        await Current.DisposeAsync();
        await Next.DisposeAsync();
    }

    private static string String(PostgresInstance postgres, string database) => new NpgsqlConnectionStringBuilder
    {
        Host = PostgresInstance.FirstHost,
        Port = postgres.Port,
        Database = database,
        Username = Role,
        MaxPoolSize = 20,
        SslMode = SslMode.Disable,
        GssEncryptionMode = GssEncryptionMode.Disable,
    }.ConnectionString;
}
