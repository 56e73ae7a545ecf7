using Npgsql;

namespace PgCluster.Playground;

/// <summary>Whether a client of every pooler of a playground reaches the primary.</summary>
internal sealed class PoolerCheck(PlaygroundRun run)
{
    private readonly HashSet<string> _reached = [];

    internal async Task<string?> FindMissingAsync(CancellationToken cancellationToken)
    {
        foreach (var pooler in run.State.Poolers)
        {
            if (!_reached.Contains(pooler.Name) && await FindRefusalAsync(pooler, cancellationToken).ConfigureAwait(false) is { } refusal)
            {
                return $"pooler {pooler.Name} to lead to the primary ({refusal})";
            }

            _reached.Add(pooler.Name);
        }

        return null;
    }

    private static async Task<string?> FindRefusalAsync(PlaygroundState.Pooler pooler, CancellationToken cancellationToken)
    {
        var builder = new NpgsqlSlimDataSourceBuilder(new NpgsqlConnectionStringBuilder
        {
            Host = pooler.Host,
            Port = pooler.Port,
            Username = PlaygroundFiles.AppUser,
            Database = PlaygroundFiles.AppDatabase,
            Pooling = false,
            Timeout = 2,
            CommandTimeout = 2,

            // PgBouncer 1.18 can die of a request to cancel ("bad client state").
            CancellationTimeout = -1,
            SslMode = SslMode.Disable,
            GssEncryptionMode = GssEncryptionMode.Disable,
        }.ConnectionString);

        // Loading types takes longer than the question.
        builder.ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        var source = builder.Build();
        await using (source.ConfigureAwait(false))
        {
            try
            {
                var command = source.CreateCommand("SELECT pg_is_in_recovery()");
                await using (command.ConfigureAwait(false))
                {
                    return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is false ? null : "it leads to a standby";
                }
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                return e.Message;
            }
        }
    }
}
