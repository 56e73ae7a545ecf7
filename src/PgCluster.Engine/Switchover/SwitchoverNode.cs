using Microsoft.Extensions.Logging;

namespace PgCluster.Engine.Switchover;

/// <summary>
/// A participant: follows the log, does what <see cref="SwitchoverStateMachine"/> says, and answers. One with an executor can lead. Nothing it waits for
/// keeps it from resuming its application: appending, pausing and executing run beside the reading of the log.
/// </summary>
public sealed class SwitchoverNode : IAsyncDisposable
{
    private static readonly TimeSpan FarewellBudget = TimeSpan.FromSeconds(5);

    private readonly SwitchoverNodeOptions _options;
    private readonly SwitchoverLimits _limits;
    private readonly ISwitchoverLog _log;
    private readonly ISwitchoverControl _control;
    private readonly ISwitchoverExecutor? _executor;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly DateTimeOffset _startedAt;

    private readonly SwitchoverOutbox _outbox;
    private readonly ApplicationHold _hold;
    private readonly Lock _sync = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<SwitchoverTimer, ITimer> _timers = [];
    private readonly Dictionary<Guid, TaskCompletionSource> _awaited = [];
    private SwitchoverView _view = SwitchoverView.Initial;
    private TaskCompletionSource _changed = NewSignal();
    private CancellationTokenSource? _run;
    private Task _executing = Task.CompletedTask;
    private Task _sending = Task.CompletedTask;
    private Task _background = Task.CompletedTask;
    private bool _disposed;
    private string _status = "";
    private string? _sentStatus;
    private long _sentAt;
    private long _position;

    /// <summary>Makes a participant that does nothing yet.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="log">The log, in the current database.</param>
    /// <param name="control">The row of the current database.</param>
    /// <param name="application">What it pauses.</param>
    /// <param name="executor">What it does as leader; null for one that cannot lead.</param>
    /// <param name="timeProvider">Clock of all limits.</param>
    /// <param name="logger">Where moves and failures are logged.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>: limits that do not go together.</exception>
    public SwitchoverNode(
        SwitchoverNodeOptions options, ISwitchoverLog log, ISwitchoverControl control, IPausable application, ISwitchoverExecutor? executor,
        TimeProvider timeProvider, ILogger<SwitchoverNode> logger)
    {
        options.Limits.Validate();
        _options = options;
        _limits = options.Limits;
        _log = log;
        _control = control;
        _executor = executor;
        _time = timeProvider;
        _logger = logger;
        _startedAt = timeProvider.GetUtcNow();
        _hold = new ApplicationHold(application, _limits, options.Id, timeProvider, logger);
        _outbox = new SwitchoverOutbox(log, _limits, IsStale, options.Id, timeProvider, logger);
    }

    /// <summary>Its id.</summary>
    public Guid Id => _options.Id;

    /// <summary>What it knows now.</summary>
    public SwitchoverView View
    {
        get
        {
            lock (_sync)
            {
                return _view;
            }
        }
    }

    /// <summary>Begins to follow the log, and says so: a run that is under way is aborted by it.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _position = await _log.GetLastPositionAsync(cancellationToken).ConfigureAwait(false);
        await _log.AppendAsync(Hello(Guid.Empty), cancellationToken).ConfigureAwait(false);
        _sending = Task.Run(() => _outbox.RunAsync(_stop.Token), CancellationToken.None);
        _background = Task.WhenAll(Task.Run(ReadAsync, CancellationToken.None), Task.Run(BeatAsync, CancellationToken.None));
    }

    /// <summary>Starts a run; returns when every participant that follows the log is bound to see it.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.SwitchoverNotReady"/>: not idle; <see cref="Reason.StepTimeout"/>.</exception>
    public Task ExecuteAsync(CancellationToken cancellationToken)
    {
        var view = View;
        return view.State == SwitchoverState.Idle
            ? AppendAndSeeAsync(Message(SwitchoverMessageType.Execute, view.Current, null), cancellationToken)
            : throw new PgClusterException(Reason.SwitchoverNotReady, $"cannot execute unless idle: the switchover is {view.State}.");
    }

    /// <summary>Ends whatever runs; returns when it was seen.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.StepTimeout"/>.</exception>
    public Task CancelAsync(string why, CancellationToken cancellationToken) =>
        AppendAndSeeAsync(Message(SwitchoverMessageType.Cancel, Guid.Empty, SwitchoverMessageText.OfText(why)), cancellationToken);

    /// <summary>
    /// Makes the switchover ready again: cancels, waits until a run that was under way has really stopped, and asks everybody to answer. Idle when the
    /// leader has closed the count, see <see cref="WaitUntilAsync"/>.
    /// </summary>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.StaleDatabase"/>: the pointer is flipped already; <see cref="Reason.LockHeld"/>: a migration runs;
    /// <see cref="Reason.BlockedBySessions"/>: somebody executes still; <see cref="Reason.StepTimeout"/>.
    /// </exception>
    public async Task ResetAsync(CancellationToken cancellationToken)
    {
        // Asked first, so that a switchover that is done is not made unknown by the cancel.
        if (await _control.ReadPointerAsync(cancellationToken).ConfigureAwait(false) == SwitchoverPointer.UseNextDb)
        {
            throw new PgClusterException(Reason.StaleDatabase, "cannot reset: switchover state is use_next_db.");
        }

        await CancelAsync("reset", cancellationToken).ConfigureAwait(false);
        await _control.EndRunAsync(cancellationToken).ConfigureAwait(false);
        await AppendAndSeeAsync(Message(SwitchoverMessageType.Reset, Guid.Empty, null), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Returns the first view for which the condition holds.</summary>
    public async Task<SwitchoverView> WaitUntilAsync(Func<SwitchoverView, bool> condition, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_sync)
            {
                if (condition(_view))
                {
                    return _view;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Leaves: cancels a run that it takes part in, and resumes the application.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_sync)
        {
            if (_disposed)
            {
                return;
            }

            // Who has left must not be waited for.
            Take(_view.IsRunning ? SwitchoverStateMachine.LoseTrack(_view, $"participant {Id} ended") : new(_view, [new CancelAndResume()]));
            _disposed = true;
            _outbox.Complete();
        }

        // The cancel and the application have a moment; a database that is gone must not keep the process from ending.
        var farewell = Task.WhenAll(_sending, _hold.Done, _executing);
        await ((Task)farewell.WaitAsync(FarewellBudget, _time)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_background, _sending, _hold.Done).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var timer in _timers.Values)
        {
            await timer.DisposeAsync().ConfigureAwait(false);
        }

        _run?.Dispose();
        _stop.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SwitchoverMessage Message(SwitchoverMessageType type, Guid ackId, string? data) => new(Guid.NewGuid(), Id, type, ackId, data);

    private SwitchoverMessage Hello(Guid ackId) => Message(SwitchoverMessageType.Hello, ackId, SwitchoverMessageText.OfNode(new()
    {
        CanExec = _executor is not null,
        CurrentDbId = _options.CurrentDbId,
        NextDbId = _options.NextDbId,
        StartedAt = _startedAt,
    }));

    private bool IsStale(SwitchoverMessage message)
    {
        var view = View;
        return message.AckId != Guid.Empty && message.AckId != (message.Type == SwitchoverMessageType.Cancel ? view.Reset : view.Current);
    }

    private async Task AppendAndSeeAsync(SwitchoverMessage message, CancellationToken cancellationToken)
    {
        var seen = NewSignal();
        lock (_sync)
        {
            _awaited[message.Id] = seen;
        }

        try
        {
            await _log.AppendAsync(message, cancellationToken).ConfigureAwait(false);
            await seen.Task.WaitAsync(_limits.ResetTimeout, _time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException exception)
        {
            throw new PgClusterException(
                Reason.StepTimeout, $"{SwitchoverMessageText.NameOf(message.Type)} was appended but not read back within {_limits.ResetTimeout}.", exception);
        }
        finally
        {
            lock (_sync)
            {
                _awaited.Remove(message.Id);
            }
        }
    }

    private async Task ReadAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var messages = await _log.ReadAsync(_position, _stop.Token).ConfigureAwait(false);
                if (messages.Count == 0)
                {
                    await _log.WaitAsync(_stop.Token).ConfigureAwait(false);
                }
                else if (messages[0].Position != _position + 1)
                {
                    await StartAnewAsync().ConfigureAwait(false);
                }

                foreach (var message in messages.TakeWhile(message => message.Position == _position + 1))
                {
                    _position = message.Position;
                    See(message);
                }
            }
            catch (Exception exception) when (!_stop.IsCancellationRequested)
            {
                SwitchoverNodeLog.ReadFailed(_logger, Id, exception.Message);
                await Task.Delay(_limits.PollInterval, _time, _stop.Token).ConfigureAwait(false);
            }
        }
    }

    /// <summary>What was between is lost, as after a restart: so this is one.</summary>
    private async Task StartAnewAsync()
    {
        lock (_sync)
        {
            Take(SwitchoverStateMachine.LoseTrack(_view, "messages are missing in the log"));
        }

        _position = await _log.GetLastPositionAsync(_stop.Token).ConfigureAwait(false);
        await _log.AppendAsync(Hello(Guid.Empty), _stop.Token).ConfigureAwait(false);
    }

    private void See(SwitchoverMessage message)
    {
        lock (_sync)
        {
            var before = _view.State;
            Take(SwitchoverStateMachine.Apply(_view, message, Id));
            if (_view.State != before)
            {
                SwitchoverNodeLog.Moved(_logger, Id, before, _view.State, message.Position, SwitchoverMessageText.NameOf(message.Type), message.Node);
            }

            if (_awaited.TryGetValue(message.Id, out var seen))
            {
                seen.TrySetResult();
            }
        }
    }

    private void OnTimer(SwitchoverTimer timer, Guid token)
    {
        lock (_sync)
        {
            var before = _view.State;
            Take(SwitchoverStateMachine.Elapse(_view, timer, token, Id));
            if (_view.State != before)
            {
                SwitchoverNodeLog.GivenUp(_logger, Id, before, _view.LastError);
            }
        }
    }

    /// <summary>Takes over what is known and does what follows. Needs the lock, so nothing here may wait.</summary>
    private void Take(SwitchoverTransition transition)
    {
        if (_disposed)
        {
            return;
        }

        _view = transition.View;
        foreach (var effect in transition.Effects)
        {
            Do(effect);
        }

        var changed = _changed;
        _changed = NewSignal();
        changed.SetResult();
    }

    private void Do(SwitchoverEffect effect)
    {
        switch (effect)
        {
            case CancelAndResume:
                // Callbacks of the executor must not run here, under the lock.
                _ = _run?.CancelAsync();
                _run = null;
                _hold.Resume(_stop.Token);
                break;
            case SendHello hello:
                _outbox.Post(Hello(hello.AckId));
                break;
            case AppendMessage append:
                _outbox.Post(Message(append.Type, append.AckId, append.Text is null ? null : SwitchoverMessageText.OfText(append.Text)));
                break;
            case StartTimer start:
                Start(start.Timer, start.Token);
                break;
            case PauseApplication pause:
                _hold.Pause(() => Answer(SwitchoverMessageType.Paused, pause.AckId), error => Fail(pause.AckId, error));
                break;
            case StartSync sync:
                _sentAt = _time.GetTimestamp();
                Execute(sync.AckId, SwitchoverMessageType.Pause, "syncing", (status, token) => _executor!.SyncAsync(status, token));
                break;
            case StartExec exec:
                Execute(exec.AckId, SwitchoverMessageType.Done, "executing", (status, token) => _executor!.ExecAsync(status, token));
                break;
            default:
                throw new InvalidOperationException($"No effect of this kind is known: {effect}");
        }
    }

    private void Start(SwitchoverTimer timer, Guid token)
    {
        var due = timer switch
        {
            SwitchoverTimer.HelloWindow => _limits.HelloWindow,
            SwitchoverTimer.Pausing => _limits.PauseTimeout + _limits.Heartbeat,
            _ => _view.State == SwitchoverState.Resetting ? _limits.ResetTimeout : _limits.LeaderTimeout,
        };
        if (_timers.Remove(timer, out var before))
        {
            before.Dispose();
        }

        _timers[timer] = _time.CreateTimer(_ => OnTimer(timer, token), null, due, Timeout.InfiniteTimeSpan);
    }

    private void Execute(Guid ackId, SwitchoverMessageType answer, string what, Func<IProgress<string>, CancellationToken, Task> work)
    {
        _run ??= new CancellationTokenSource();
        _executing = ExecuteAsync(_executing, ackId, answer, what, work, _run.Token);
    }

    private async Task ExecuteAsync(
        Task before, Guid ackId, SwitchoverMessageType answer, string what, Func<IProgress<string>, CancellationToken, Task> work, CancellationToken run)
    {
        // Never two at once: one that was cancelled may take a while to end.
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        try
        {
            run.ThrowIfCancellationRequested();
            await work(new StatusProgress(this), run).ConfigureAwait(false);
            Answer(answer, ackId);
        }
        catch (Exception exception)
        {
            if (!run.IsCancellationRequested)
            {
                SwitchoverNodeLog.WorkFailed(_logger, Id, what, exception.Message);
                Fail(ackId, exception.Message);
            }
        }
    }

    private void Answer(SwitchoverMessageType type, Guid ackId) => _outbox.Post(Message(type, ackId, null));

    private void Fail(Guid ackId, string error) =>
        _outbox.Post(Message(SwitchoverMessageType.Error, ackId, SwitchoverMessageText.OfText(error)));

    /// <summary>The leader's status: when it changed, and now and then to show that the leader lives.</summary>
    private async Task BeatAsync()
    {
        using var timer = new PeriodicTimer(_limits.StatusInterval, _time);
        while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
        {
            lock (_sync)
            {
                if (_view.IsRunning && _view.Leader == Id && (_status != _sentStatus || _time.GetElapsedTime(_sentAt) >= _limits.Heartbeat))
                {
                    _sentStatus = _status;
                    _sentAt = _time.GetTimestamp();
                    _outbox.Post(Message(SwitchoverMessageType.Status, _view.Current, SwitchoverMessageText.OfText(_status)));
                }
            }
        }
    }

    private sealed class StatusProgress(SwitchoverNode node) : IProgress<string>
    {
        public void Report(string value)
        {
            lock (node._sync)
            {
                node._status = value;
            }
        }
    }
}
