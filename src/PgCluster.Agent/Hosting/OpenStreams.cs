using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace PgCluster.Agent.Hosting;

/// <summary>A server that accepts nobody and has answered what it was asked, with the streams that are still open on it.</summary>
/// <param name="app">Is ended and disposed with them.</param>
/// <param name="served">Done when the last connection has ended.</param>
/// <param name="count">How many are open.</param>
/// <param name="end">Tells them to end.</param>
/// <param name="cut">Cuts the connections of those that do not.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
internal sealed partial class OpenStreams(
    WebApplication app, Task served, Func<int> count, CancellationTokenSource end, CancellationTokenSource cut, TimeProvider time, ILogger<OpenStreams> logger)
{
    // For a status that is on its way to a client that reads.
    private static readonly TimeSpan ToEnd = TimeSpan.FromSeconds(1);

    private readonly long _since = time.GetTimestamp();

    /// <summary>Returns when they have ended: by themselves, or because of this.</summary>
    /// <param name="timeout">How long they may go on from when the server was left to them.</param>
    /// <param name="now">Ends them at once.</param>
    public async Task EndAsync(TimeSpan timeout, CancellationToken now)
    {
        var left = timeout - time.GetElapsedTime(_since);
        if (!served.IsCompleted && left > TimeSpan.Zero)
        {
            if (count() is > 0 and var open)
            {
                LogGoOn(open, left.TotalSeconds);
            }

            await served.WaitAsync(left, time, now).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (!served.IsCompleted)
        {
            if (count() is > 0 and var open)
            {
                LogEnded(time.GetElapsedTime(_since).TotalSeconds, open);
            }

            await end.CancelAsync().ConfigureAwait(false);
            await served.WaitAsync(ToEnd, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await cut.CancelAsync().ConfigureAwait(false);
            await served.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await app.StopAsync(CancellationToken.None).ConfigureAwait(false);
        await app.DisposeAsync().ConfigureAwait(false);
        end.Dispose();
        cut.Dispose();
    }

    [LoggerMessage(5020, LogLevel.Information, "Streams that go on here for at most {Seconds:0.#} s: {Count}; whoever calls now is served by the next process")]
    private partial void LogGoOn(int count, double seconds);

    [LoggerMessage(5021, LogLevel.Information, "Streams that are told to end after {Seconds:0.#} s: {Count}")]
    private partial void LogEnded(double seconds, int count);
}
