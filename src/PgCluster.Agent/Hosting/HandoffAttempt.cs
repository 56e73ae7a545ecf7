using PgCluster.Handoff;

namespace PgCluster.Agent.Hosting;

/// <summary>One successor's try to follow a daemon, seen from the daemon that is at work.</summary>
internal sealed class HandoffAttempt : IDisposable
{
    private readonly CancellationTokenSource _asked = new();
    private readonly TaskCompletionSource<HandedState> _given = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _nothing = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Cancelled when the successor is ready: the daemon ends its work.</summary>
    public CancellationToken Asked => _asked.Token;

    /// <summary>Done when nothing comes of it.</summary>
    public Task CameToNothing => _nothing.Task;

    /// <summary>Asks the daemon for its work, and waits until it has said what it knew.</summary>
    /// <exception cref="HandoffRefusedException">It cannot end its work now.</exception>
    public async Task<HandedState> AskAsync(CancellationToken cancellationToken)
    {
        await _asked.CancelAsync().ConfigureAwait(false);
        return await _given.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The daemon has ended its work, and this is what it knew.</summary>
    public void Give(HandedState state) => _given.TrySetResult(state);

    /// <summary>The daemon has to go on.</summary>
    public void Refuse(string why) => _given.TrySetException(new HandoffRefusedException(why));

    public void End() => _nothing.TrySetResult();

    public void Dispose() => _asked.Dispose();
}
