using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>Two servers that can both publish.</summary>
public sealed class PublishingServers : IAsyncLifetime
{
    // Up to 15, a server starts at most one apply worker in each retry interval, whatever the subscription: with the default, most of a test is that wait.
    private static readonly string[] _settings =
        ["wal_level=logical", "max_replication_slots=20", "max_wal_senders=20", "wal_retrieve_retry_interval=200ms"];

    public PublishingServers() => (Source, Target) = (new PostgresInstance(_settings), new PostgresInstance(_settings));

    private PublishingServers(PostgresInstance source, PostgresInstance target) => (Source, Target) = (source, target);

    public PostgresInstance Source { get; }

    public PostgresInstance Target { get; }

    /// <summary>Two of these major versions.</summary>
    internal static async Task<PublishingServers> StartAsync(int source, int target)
    {
        var servers = new PublishingServers(await OfAsync(source), await OfAsync(target));
        await servers.InitializeAsync();
        return servers;

        static async Task<PostgresInstance> OfAsync(int major) => PostgresInstance.Major == major
            ? new PostgresInstance(_settings) : new PostgresInstance(await PostgresVersion.GetAsync(major), _settings);
    }

    public async ValueTask InitializeAsync() => await Task.WhenAll(Source.InitializeAsync().AsTask(), Target.InitializeAsync().AsTask());

    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        await Target.DisposeAsync();
    }
}
