using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace PgCluster.Engine.Switchover;

/// <summary>Appends a participant's messages in order, each until it stands in the log or nobody waits for it any more.</summary>
internal sealed class SwitchoverOutbox(
    ISwitchoverLog log, SwitchoverLimits limits, Func<SwitchoverMessage, bool> isStale, Guid node, TimeProvider time, ILogger logger)
{
    private readonly Channel<SwitchoverMessage> _messages = Channel.CreateUnbounded<SwitchoverMessage>(new() { SingleReader = true });

    /// <summary>Puts a message at the end; nothing after <see cref="Complete"/>.</summary>
    internal void Post(SwitchoverMessage message) => _messages.Writer.TryWrite(message);

    /// <summary>No message comes any more.</summary>
    internal void Complete() => _messages.Writer.TryComplete();

    /// <summary>Appends until it is complete and empty, or the token ends.</summary>
    internal async Task RunAsync(CancellationToken cancellationToken)
    {
        await foreach (var message in _messages.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            // An answer to what is over would be out of place in what came after, and end it.
            while (!isStale(message) && !await TryAppendAsync(message, cancellationToken).ConfigureAwait(false))
            {
                await Task.Delay(limits.PollInterval, time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<bool> TryAppendAsync(SwitchoverMessage message, CancellationToken cancellationToken)
    {
        try
        {
            using var budget = new CancellationTokenSource(limits.LeaderTimeout, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, budget.Token);
            await log.AppendAsync(message, either.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            SwitchoverNodeLog.AppendFailed(logger, node, SwitchoverMessageText.NameOf(message.Type), exception.Message);
            return false;
        }
    }
}
