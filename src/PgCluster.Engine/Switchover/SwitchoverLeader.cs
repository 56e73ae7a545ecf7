using Microsoft.Extensions.Logging;

namespace PgCluster.Engine.Switchover;

/// <summary>
/// The run among the application's nodes: a participant that leads. The node says what the cluster has agreed on, the run's steps say when to go on; this
/// lets each wait for the other.
/// </summary>
public sealed class SwitchoverLeader : ISwitchoverParticipants, ISwitchoverExecutor
{
    private readonly SwitchoverNode _node;
    private readonly SwitchoverLimits _limits;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _calledOff = new();
    private readonly CancellationTokenSource _over = new();
    private readonly TaskCompletionSource _syncing = NewSignal();
    private readonly TaskCompletionSource _synced = NewSignal();
    private readonly TaskCompletionSource _executing = NewSignal();
    private readonly TaskCompletionSource _executed = NewSignal();
    private IProgress<string>? _status;
    private Task _watching = Task.CompletedTask;

    /// <summary>Makes a leader that does nothing yet.</summary>
    /// <param name="options">The node it is; its id is the run's.</param>
    /// <param name="log">The log, in the source.</param>
    /// <param name="control">The source's row.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where moves and failures are logged.</param>
    public SwitchoverLeader(
        SwitchoverNodeOptions options, ISwitchoverLog log, ISwitchoverControl control, TimeProvider time, ILogger<SwitchoverNode> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        _limits = options.Limits;
        _time = time;
        _node = new SwitchoverNode(options, log, control, NothingToPause.Instance, this, time, logger);
    }

    /// <inheritdoc/>
    public CancellationToken CalledOff => _calledOff.Token;

    /// <inheritdoc/>
    public string? CalledOffBecause { get; private set; }

    /// <inheritdoc/>
    public async Task<string> BeginAsync(CancellationToken cancellationToken)
    {
        var view = await ResetAsync(cancellationToken).ConfigureAwait(false);
        if (view.Leader != _node.Id)
        {
            throw new PgClusterException(Reason.SwitchoverNotReady, $"another run leads already ({view.Leader})");
        }

        await _node.ExecuteAsync(cancellationToken).ConfigureAwait(false);
        await Task.WhenAny(_syncing.Task, Task.Delay(_limits.ResetTimeout, _time, cancellationToken)).Unwrap().ConfigureAwait(false);
        return _syncing.Task.IsCompleted
            ? $"{view.Nodes.Count - 1} nodes of the application take part"
            : throw new PgClusterException(Reason.StepTimeout, $"the run was announced but did not begin: {_node.View.LastError}");
    }

    /// <summary>Calls off what runs, and returns when every node has agreed to begin anew.</summary>
    /// <returns>What the nodes agreed on.</returns>
    /// <exception cref="PgClusterException"><see cref="Reason.SwitchoverNotReady"/>: a node did not agree, and why.</exception>
    public async Task<SwitchoverView> ResetAsync(CancellationToken cancellationToken)
    {
        await _node.StartAsync(cancellationToken).ConfigureAwait(false);
        await _node.ResetAsync(cancellationToken).ConfigureAwait(false);
        var view = await _node.WaitUntilAsync(v => v.State is SwitchoverState.Idle or SwitchoverState.Unknown, cancellationToken).ConfigureAwait(false);
        return view.State == SwitchoverState.Idle
            ? view
            : throw new PgClusterException(Reason.SwitchoverNotReady, $"the nodes did not agree to begin: {view.LastError}");
    }

    /// <inheritdoc/>
    public void Report(string status, SwitchoverProgress? progress) =>
        _status?.Report(progress is null ? status : SwitchoverStatusText.Of(status, progress));

    /// <inheritdoc/>
    public async Task<string> PauseAsync(CancellationToken cancellationToken)
    {
        _synced.TrySetResult();
        await _executing.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        return $"{_node.View.Paused.Count - 1} applications are paused";
    }

    /// <inheritdoc/>
    public async Task<string> FinishAsync(CancellationToken cancellationToken)
    {
        _executed.TrySetResult();
        var view = await _node.WaitUntilAsync(v => !v.IsRunning, cancellationToken).ConfigureAwait(false);
        return view.State == SwitchoverState.Done
            ? "every node knows"
            : throw new PgClusterException(
                Reason.SwitchoverCalledOff, $"the pointer is flipped, but the nodes called it off before they were told ({view.LastError}): each finds the pointer by itself");
    }

    /// <inheritdoc/>
    public async Task<string> CancelAsync(string why, CancellationToken cancellationToken)
    {
        await _node.CancelAsync(why, cancellationToken).ConfigureAwait(false);
        return "the nodes know that it is off";
    }

    /// <inheritdoc/>
    public async Task SyncAsync(IProgress<string> status, CancellationToken cancellationToken)
    {
        _status = status;
        _watching = WatchAsync();
        _syncing.TrySetResult();
        await _synced.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task ExecAsync(IProgress<string> status, CancellationToken cancellationToken)
    {
        _status = status;
        _executing.TrySetResult();
        await _executed.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync().ConfigureAwait(false);
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _node.DisposeAsync().ConfigureAwait(false);
        _over.Dispose();
        _calledOff.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Until the run is over: the nodes may call it off while they sync, while they pause, and while they wait.</summary>
    private async Task WatchAsync()
    {
        var view = await _node.WaitUntilAsync(v => !v.IsRunning, _over.Token).ConfigureAwait(false);
        if (view.State != SwitchoverState.Done)
        {
            CalledOffBecause = view.LastError.Length > 0 ? $"the nodes called it off: {view.LastError}" : "the nodes called it off";
            await _calledOff.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The run itself serves no application.</summary>
    private sealed class NothingToPause : IPausable
    {
        internal static NothingToPause Instance { get; } = new();

        public Task PauseAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task ResumeAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
