using System.Threading.Channels;
using PgCluster.Engine.Store;

namespace PgCluster.Tests.Unit.Health;

/// <summary>A watch that delivers what a test writes into its channel.</summary>
internal sealed class FakeWatch(Channel<StoreEvent> events) : IStoreWatch
{
    public IAsyncEnumerable<StoreEvent> ReadAllAsync(CancellationToken cancellationToken) => events.Reader.ReadAllAsync(cancellationToken);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
