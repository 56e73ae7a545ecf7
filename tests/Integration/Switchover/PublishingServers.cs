using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>Two servers that can both publish.</summary>
public sealed class PublishingServers : IAsyncLifetime
{
    public PostgresInstance Source { get; } = new("wal_level=logical", "max_replication_slots=20", "max_wal_senders=20");

    public PostgresInstance Target { get; } = new("wal_level=logical", "max_replication_slots=20", "max_wal_senders=20");

    public async ValueTask InitializeAsync() => await Task.WhenAll(Source.InitializeAsync().AsTask(), Target.InitializeAsync().AsTask());

    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        await Target.DisposeAsync();
    }
}
