using Microsoft.Extensions.Logging;
using PgCluster.Engine.Store;

namespace PgCluster.Agent.Services;

/// <summary>Keeps one key in the store for as long as this process lives: under a lease, written again when its value changes or the lease was lost.</summary>
internal sealed partial class LeasedKey(IClusterStore store, string key, TimeSpan timeToLive, TimeSpan interval, TimeProvider time, ILogger logger)
{
    private TaskCompletionSource _changed = new();

    /// <summary>The value may have changed: it is looked at at once.</summary>
    public void Wake() => Volatile.Read(ref _changed).TrySetResult();

    public async Task RunAsync(Func<string> value, CancellationToken cancellationToken)
    {
        IStoreLease? lease = null;
        string? written = null;
        try
        {
            while (true)
            {
                // Before the value is looked at: what changes after that look ends the wait.
                var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                Volatile.Write(ref _changed, changed);
                try
                {
                    if (lease is { Lost.IsCancellationRequested: true } lost)
                    {
                        lease = null;
                        written = null;
                        await lost.DisposeAsync().ConfigureAwait(false);
                    }

                    lease ??= await store.GrantLeaseAsync(timeToLive, cancellationToken).ConfigureAwait(false);
                    if (value() is var now && now != written)
                    {
                        await store.PutAsync(key, now, lease, cancellationToken).ConfigureAwait(false);
                        written = now;
                    }
                }
                catch (PgClusterException e)
                {
                    LogFailed(key, e.Message);
                }

                await changed.Task.WaitAsync(interval, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
        finally
        {
            if (lease is not null)
            {
                await lease.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    [LoggerMessage(5001, LogLevel.Warning, "{Key} could not be written: {Error}")]
    private partial void LogFailed(string key, string error);
}
