namespace PgCluster.Tests.Integration.Leadership;

/// <summary>Two servers: what becomes of one that is killed later tells when a deadline of the other has passed for certain.</summary>
public sealed class GuardLabs : IAsyncLifetime
{
    internal GuardLab One { get; private set; } = null!;

    internal GuardLab Later { get; private set; } = null!;

    public async ValueTask InitializeAsync() => (One, Later) = (await GuardLab.CreateAsync(), await GuardLab.CreateAsync());

    public async ValueTask DisposeAsync()
    {
        await One.DisposeAsync();
        await Later.DisposeAsync();
    }
}
