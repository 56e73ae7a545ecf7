using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Adapters.Postgres;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Playground;

/// <summary>Whether a playground does its work: every standby streams, and a client of every pooler reaches the primary.</summary>
internal sealed class ReadyCheck(PlaygroundRun run, bool usesSlots) : IAsyncDisposable
{
    private readonly LocalPostgresServer _primary = Open(run, run.Primary);
    private readonly HashSet<string> _reached = [];

    internal async Task<string?> FindMissingAsync(CancellationToken cancellationToken)
    {
        var status = await _primary.ProbeAsync(cancellationToken).ConfigureAwait(false);
        if (status is not { State: NodeState.Running, Role: NodeRole.Primary })
        {
            return $"{run.Primary.Name} to be the primary ({status.Evidence})";
        }

        var streaming = status.Standbys.Where(standby => standby.State == "streaming").ToList();
        if (run.State.Servers.Skip(1).FirstOrDefault(server => streaming.All(standby => standby.Name != server.Name)) is { } missing)
        {
            return $"{missing.Name} to stream";
        }

        // Their agents let standbys stream through slots soon after they came up: a moment's interruption that is over before anybody works here.
        if (usesSlots && run.State.Servers.Skip(1).FirstOrDefault(server => !status.Slots.Any(s => s.Active && s.Name == SlotName.Of(server.Name))) is { } slotless)
        {
            return $"{slotless.Name} to stream through its slot";
        }

        if (run.State.Synchronous && streaming.Count > 0 && streaming.All(standby => standby.SyncState is not (SyncState.Sync or SyncState.Quorum)))
        {
            return "a standby to be synchronous";
        }

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

    public ValueTask DisposeAsync() => _primary.DisposeAsync();

    internal static LocalPostgresServer Open(PlaygroundRun run, PlaygroundState.Server server) => new(
        new LocalPostgresOptions
        {
            NodeName = server.Name,
            Host = PlaygroundFiles.Host,
            Port = server.Port,
            DataDirectory = run.Paths.Data(server.Name),
            BinDirectory = run.Programs.PostgresBin,
            LogFile = run.Paths.ServerLog(server.Name),
            ReplicationUser = PlaygroundFiles.ReplicationUser,
        },
        run.Time,
        NullLogger<LocalPostgresServer>.Instance);

    private static async Task<string?> FindRefusalAsync(PlaygroundState.Pooler pooler, CancellationToken cancellationToken)
    {
        var builder = new NpgsqlSlimDataSourceBuilder(new NpgsqlConnectionStringBuilder
        {
            Host = PlaygroundFiles.Host,
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
