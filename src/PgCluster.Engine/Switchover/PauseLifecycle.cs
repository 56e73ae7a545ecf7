namespace PgCluster.Engine.Switchover;

/// <summary>
/// Keeps pauses in step with an application's start and end: none before the start, and a shutdown ends every pause and every attempt at one.
/// </summary>
public sealed class PauseLifecycle : IPausable
{
    private readonly IPausable? _application;
    private readonly Lock _sync = new();
    private CancellationTokenSource? _pausing;
    private Task _pause = Task.CompletedTask;

    /// <summary>Makes the lifecycle of an application that is not started.</summary>
    /// <param name="application">What is paused; null for an application that cannot be.</param>
    public PauseLifecycle(IPausable? application) => _application = application;

    /// <summary>Where it stands.</summary>
    public LifecycleState State { get; private set; }

    /// <summary>Starts the application, once.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.SwitchoverNotReady"/>: already started, or shutting down.</exception>
    public async Task StartAsync(Func<CancellationToken, Task> start, CancellationToken cancellationToken)
    {
        lock (_sync)
        {
            State = State switch
            {
                LifecycleState.Unknown => LifecycleState.Starting,
                LifecycleState.Shutdown => throw Wrong("shutting down"),
                _ => throw Wrong("already started"),
            };
        }

        var to = LifecycleState.Unknown;
        try
        {
            await start(cancellationToken).ConfigureAwait(false);
            to = LifecycleState.Ready;
        }
        finally
        {
            lock (_sync)
            {
                State = State == LifecycleState.Starting ? to : State;
            }
        }
    }

    /// <inheritdoc />
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.SwitchoverNotReady"/>: not started, shutting down, or pause not supported; <see cref="Reason.Cancelled"/>: a resume came first.
    /// </exception>
    public async Task PauseAsync(CancellationToken cancellationToken)
    {
        Task pause;
        lock (_sync)
        {
            switch (State)
            {
                case LifecycleState.Shutdown:
                    throw Wrong("shutting down");
                case LifecycleState.Unknown or LifecycleState.Starting:
                    throw Wrong("not started");
                case LifecycleState.Paused:
                    return;
                case LifecycleState.Ready:
                    var application = _application ?? throw Wrong("pause not supported");
                    State = LifecycleState.Pausing;
                    _pausing = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                    _pause = ReachAsync(application, _pausing);
                    break;
                default:
                    break;
            }

            pause = _pause;
        }

        await pause.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async Task ResumeAsync(CancellationToken cancellationToken)
    {
        if (await EndPauseAsync(LifecycleState.Ready).ConfigureAwait(false) && _application is not null)
        {
            await _application.ResumeAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Ends the application. A pause ends with it, an attempt at one fails.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.SwitchoverNotReady"/>: not started.</exception>
    public async Task ShutdownAsync(Func<CancellationToken, Task> stop, CancellationToken cancellationToken)
    {
        lock (_sync)
        {
            if (State == LifecycleState.Unknown)
            {
                throw Wrong("not started");
            }
        }

        // What waits for the end of the pause would wait for ever, and the shutdown for it.
        if (await EndPauseAsync(LifecycleState.Shutdown).ConfigureAwait(false) && _application is not null)
        {
            await _application.ResumeAsync(cancellationToken).ConfigureAwait(false);
        }

        await stop(cancellationToken).ConfigureAwait(false);
    }

    private static PgClusterException Wrong(string what) => new(Reason.SwitchoverNotReady, $"The application cannot do that: {what}.");

    /// <summary>Leaves a pause, reached or not; true when there was one.</summary>
    private async Task<bool> EndPauseAsync(LifecycleState to)
    {
        bool was;
        CancellationTokenSource? pausing;
        lock (_sync)
        {
            was = State is LifecycleState.Pausing or LifecycleState.Paused;
            State = was || to == LifecycleState.Shutdown ? to : State;
            pausing = _pausing;
            _pausing = null;
        }

        if (pausing is not null)
        {
            await pausing.CancelAsync().ConfigureAwait(false);
            pausing.Dispose();
        }

        return was;
    }

    private async Task ReachAsync(IPausable application, CancellationTokenSource pausing)
    {
        var token = pausing.Token;
        await Task.Yield();
        Exception? failure = null;
        try
        {
            await application.PauseAsync(token).WaitAsync(token).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        var undo = false;
        lock (_sync)
        {
            if (State == LifecycleState.Shutdown)
            {
                throw Wrong("shutting down");
            }

            if (State != LifecycleState.Pausing || !ReferenceEquals(_pausing, pausing))
            {
                throw new PgClusterException(Reason.Cancelled, "The pause was ended by a resume before it was reached.", failure);
            }

            undo = failure is not null;
            State = undo ? LifecycleState.Pausing : LifecycleState.Paused;
        }

        if (undo)
        {
            await ResumeAsync(CancellationToken.None).ConfigureAwait(false);
            throw failure as PgClusterException
                ?? new PgClusterException(Reason.PauseTimeout, $"The application could not be paused: {failure!.Message}", failure);
        }
    }
}
