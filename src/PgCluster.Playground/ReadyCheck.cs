using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Postgres;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Playground;

/// <summary>Whether a playground does its work: every standby streams, and a client of every pooler reaches the primary.</summary>
internal sealed class ReadyCheck(PlaygroundRun run, bool usesSlots) : IAsyncDisposable
{
    private readonly LocalPostgresServer _primary = Open(run, run.Primary);
    private readonly PoolerCheck _poolers = new(run);

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

        return await _poolers.FindMissingAsync(cancellationToken).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => _primary.DisposeAsync();

    internal static LocalPostgresServer Open(PlaygroundRun run, PlaygroundState.Server server) => new(
        new LocalPostgresOptions
        {
            NodeName = server.Name,
            Host = server.Host,
            Port = server.Port,
            DataDirectory = run.Paths.Data(server.Name),
            BinDirectory = run.Programs.PostgresBin,
            LogFile = run.Paths.ServerLog(server.Name),
            ReplicationUser = PlaygroundFiles.ReplicationUser,
        },
        run.Time,
        NullLogger<LocalPostgresServer>.Instance);
}
