using System.Threading.Channels;
using PgCluster.Engine.Store;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Etcd;

/// <summary>Reads a watch in the background and hands out its events one by one.</summary>
internal sealed class WatchReader
{
    private readonly Channel<StoreEvent> _events = Channel.CreateUnbounded<StoreEvent>();

    private WatchReader(IStoreWatch watch) => _ = PumpAsync(watch);

    public static WatchReader Read(IStoreWatch watch) => new(watch);

    /// <summary>The next event; fails when none comes.</summary>
    public async Task<StoreEvent> NextAsync()
    {
        try
        {
            return await _events.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Poll.Budget);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException("No event came from the watch.", e);
        }
    }

    /// <summary>The next put of a key; fails when something else comes.</summary>
    public async Task<StoreEntry> NextPutAsync() => Assert.IsType<StoreEvent.Put>(await NextAsync()).Entry;

    /// <summary>True when nothing comes within that time.</summary>
    public async Task<bool> IsQuietForAsync(TimeSpan time)
    {
        try
        {
            await _events.Reader.WaitToReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(time);
            return false;
        }
        catch (TimeoutException)
        {
            return true;
        }
    }

    private async Task PumpAsync(IStoreWatch watch)
    {
        try
        {
            await foreach (var change in watch.ReadAllAsync(CancellationToken.None))
            {
                _events.Writer.TryWrite(change);
            }

            _events.Writer.TryComplete();
        }
        catch (Exception e)
        {
            _events.Writer.TryComplete(e);
        }
    }
}
