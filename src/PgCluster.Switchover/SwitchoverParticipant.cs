using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Switchover;

namespace PgCluster.Switchover;

/// <summary>An application's part in switchovers, while it lives.</summary>
public sealed class SwitchoverParticipant : IAsyncDisposable
{
    private readonly PostgresMessageLog _log;

    internal SwitchoverParticipant(SwitchoverNode node, PostgresMessageLog log)
    {
        Node = node;
        _log = log;
    }

    /// <summary>What it knows and can ask for.</summary>
    public SwitchoverNode Node { get; }

    /// <summary>Leaves: a run it takes part in is cancelled, the application resumed.</summary>
    public async ValueTask DisposeAsync()
    {
        await Node.DisposeAsync().ConfigureAwait(false);
        await _log.DisposeAsync().ConfigureAwait(false);
    }
}
