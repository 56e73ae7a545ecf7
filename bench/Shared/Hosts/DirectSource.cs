using Npgsql;
using PgCluster.Playground;

namespace PgCluster.Bench.Hosts;

/// <summary>Connections to the application's database.</summary>
internal static class DirectSource
{
    /// <summary>Straight to a node's PostgreSQL, or to a pooler.</summary>
    /// <param name="address">The host's address.</param>
    /// <param name="user">The role.</param>
    /// <param name="budget">How long connecting, and each statement, may take: whole seconds. A statement that takes longer is not cancelled; its connection is given up.</param>
    /// <param name="port">PostgreSQL's port, or the pooler's.</param>
    public static NpgsqlDataSource Open(string address, string user, TimeSpan budget, int port = 5432)
    {
        var builder = new NpgsqlSlimDataSourceBuilder(new NpgsqlConnectionStringBuilder
        {
            Host = address,
            Port = port,
            Username = user,
            Database = PlaygroundFiles.AppDatabase,
            ApplicationName = "fault suite",
            Pooling = false,
            Timeout = (int)budget.TotalSeconds,
            CommandTimeout = (int)budget.TotalSeconds,
            CancellationTimeout = -1,
            SslMode = SslMode.Disable,
            GssEncryptionMode = GssEncryptionMode.Disable,
        }.ConnectionString);
        builder.ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        return builder.Build();
    }
}
