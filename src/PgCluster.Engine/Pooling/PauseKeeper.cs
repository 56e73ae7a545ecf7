using Microsoft.Extensions.Logging;

namespace PgCluster.Engine.Pooling;

/// <summary>
/// Holds the pauses of one pooler as leases. Each ends by itself: at its expiry, measured from the receipt of its request; when it could not be
/// reached; when its caller went away while it was being reached; when this process ends. Whatever ends it, the resume is
/// tried until it works, for as long as the process lives: nobody may be left waiting.
/// </summary>
public sealed class PauseKeeper : IAsyncDisposable
{
    /// <summary>Longest expiry and timeout accepted.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    private const int FinishedKept = 64;

    private static readonly TimeSpan AttemptTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LastRetry = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ShutdownBudget = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(10);

    // Two agents ask for the pause of one takeover, one right after the other.
    private static readonly TimeSpan SurelyPaused = TimeSpan.FromSeconds(1);

    private readonly string _pooler;
    private readonly IPoolerConsole _console;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _sync = new();

    // One command at a time: a resume must come after the pause that it ends, never beside it.
    private readonly SemaphoreSlim _commands = new(1, 1);
    private readonly CancellationTokenSource _givenUp = new();
    private readonly Queue<string> _finished = new();
    private Hold? _hold;
    private PoolerPause? _last;
    private bool _isGivenAway;
    private bool _disposed;

    /// <summary>Makes a keeper that holds nothing.</summary>
    /// <param name="pooler">The pooler's name, for leases and messages.</param>
    /// <param name="console">Its console; the caller disposes it, after this keeper.</param>
    /// <param name="timeProvider">Clock of leases.</param>
    /// <param name="logger">Where every pause, resume and expiry is logged.</param>
    public PauseKeeper(string pooler, IPoolerConsole console, TimeProvider timeProvider, ILogger<PauseKeeper> logger)
    {
        _pooler = pooler;
        _console = console;
        _time = timeProvider;
        _logger = logger;
    }

    /// <summary>Called when clients begin to wait and when they are served again; on no particular thread, and never awaited: a pause waits for nobody.</summary>
    public Action? Changed { get; set; }

    /// <summary>What is held now.</summary>
    public PauseStatus Status
    {
        get
        {
            lock (_sync)
            {
                return _hold is null
                    ? new PauseStatus(PoolerState.Active, null, null, _last)
                    : new PauseStatus(_hold.Reached ? PoolerState.Paused : PoolerState.Pausing, _hold.Lease, _hold.ResumeError, _last);
            }
        }
    }

    /// <summary>Pauses the pooler, or extends the pause of the same id: the newest request's expiry counts.</summary>
    /// <param name="id">The token of the pause: who has it may extend it or end it.</param>
    /// <param name="holder">Who asks, in words.</param>
    /// <param name="timeout">How long the pooler may take to reach the paused state.</param>
    /// <param name="expiry">After this time from now it is resumed whatever happens. More than zero.</param>
    /// <param name="cancellationToken">The caller: when it is gone before the pause is reached, the pause is lifted.</param>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.PauseTimeout"/>; <see cref="Reason.LockHeld"/>, naming the holder of another pause; <see cref="Reason.PoolerUnreachable"/>;
    /// <see cref="Reason.Cancelled"/> when a resume or the expiry came first; <see cref="Reason.InvalidArgument"/>. Nothing is left paused.
    /// </exception>
    public Task<PauseLease> PauseAsync(string id, string holder, TimeSpan timeout, TimeSpan expiry, CancellationToken cancellationToken)
    {
        if (expiry <= TimeSpan.Zero)
        {
            throw new PgClusterException(Reason.InvalidArgument, $"A pause of {_pooler} needs an expiry of more than zero, not {expiry}.") { Target = _pooler };
        }

        return PauseCoreAsync(id, holder, timeout, expiry, cancellationToken);
    }

    /// <summary>As <see cref="PauseAsync"/>, for pgsql-cluster-manager's own protocol, where an expiry of zero means none.</summary>
    public Task<PauseLease> PauseLegacyAsync(string id, string holder, TimeSpan timeout, TimeSpan expiry, CancellationToken cancellationToken) =>
        PauseCoreAsync(id, holder, timeout, expiry, cancellationToken);

    /// <summary>
    /// Ends a pause. True when there was one; of one that has ended already, false. When the pooler does not do it, the first
    /// error comes out and the attempts go on.
    /// </summary>
    /// <param name="id">The pause's id; null ends whatever there is, a pause that somebody else made on the pooler itself included.</param>
    /// <param name="cancellationToken">Ends the wait, not the resume.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.LockHeld"/> when the pause is another's; <see cref="Reason.PoolerUnreachable"/>.</exception>
    public async Task<bool> ResumeAsync(string? id, CancellationToken cancellationToken)
    {
        Ending? ending = null;
        lock (_sync)
        {
            if (_hold is { } hold)
            {
                if (id is not null && hold.Lease.Id != id)
                {
                    throw HeldByAnother(hold);
                }

                ending = BeginEnd(hold, "asked for");
            }
        }

        if (ending is not null)
        {
            await ending.FirstAttempt.WaitAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }

        if (id is null)
        {
            await CommandAsync(token => _console.ResumeAsync(token), cancellationToken).ConfigureAwait(false);
        }

        return false;
    }

    /// <summary>
    /// As <see cref="ResumeAsync"/>, for good: a pause of this id is refused from now on. A request of it may be on its way still, and nobody would end that one.
    /// </summary>
    public Task<bool> FinishAsync(string id, CancellationToken cancellationToken)
    {
        lock (_sync)
        {
            if (!_finished.Contains(id, StringComparer.Ordinal))
            {
                _finished.Enqueue(id);
            }

            if (_finished.Count > FinishedKept)
            {
                _finished.Dequeue();
            }
        }

        return ResumeAsync(id, cancellationToken);
    }

    /// <summary>Drops all connections of these databases, clients included. False, and nothing is done, while there is a pause: its clients have been waiting for its end.</summary>
    public Task<bool> KillAsync(IReadOnlyCollection<string> databases, CancellationToken cancellationToken) => CommandAsync(
        async token =>
        {
            lock (_sync)
            {
                if (_hold is not null)
                {
                    return false;
                }
            }

            PoolingLog.Killing(_logger, _pooler, string.Join(", ", databases));
            await _console.KillAsync(databases, token).ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    /// <summary>Does something that must not meet a pause: one that is asked for meanwhile waits for its end.</summary>
    /// <param name="work">What; it has to end by itself, and soon.</param>
    /// <param name="cancellationToken">Ends the wait before it begins.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.LockHeld"/>, naming the holder of a pause.</exception>
    public async Task<T> WhileServingAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(work);
        await _commands.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            lock (_sync)
            {
                // A pause that only begins waits for this turn.
                if (_hold is { Reached: true } or { Ending: not null })
                {
                    throw HeldByAnother(_hold);
                }
            }

            return await work().ConfigureAwait(false);
        }
        finally
        {
            _commands.Release();
        }
    }

    /// <summary>
    /// At the start of a process: resumes what a killed predecessor left paused, trying until the pooler answers. Does nothing once this keeper holds a
    /// pause, whose end resumes everything.
    /// </summary>
    public async Task RecoverAsync(CancellationToken cancellationToken)
    {
        for (var delay = FirstRetry; ; delay = Longer(delay))
        {
            string error;
            try
            {
                var done = await CommandAsync(
                    async token =>
                    {
                        lock (_sync)
                        {
                            if (_hold is not null)
                            {
                                return false;
                            }
                        }

                        await _console.ResumeAsync(token).ConfigureAwait(false);
                        return true;
                    },
                    cancellationToken).ConfigureAwait(false);
                if (done)
                {
                    PoolingLog.Recovered(_logger, _pooler);
                }

                return;
            }
            catch (PgClusterException exception)
            {
                error = exception.Message;
            }

            PoolingLog.ResumeFailed(_logger, _pooler, "", "left by a predecessor", delay, error);
            await Task.Delay(delay, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// For another process that goes on with this pooler: waits until a pause that was begun is reached or over, and says what is held. From here on this keeper tells the pooler nothing, not even when a pause expires;
    /// requests wait for <see cref="TakeBack"/>.
    /// </summary>
    public async Task<KeptPause> GiveAwayAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await _commands.WaitAsync(cancellationToken).ConfigureAwait(false);
            lock (_sync)
            {
                if (_hold is null or { Reached: true, Ending: null })
                {
                    _isGivenAway = true;
                    if (_hold is { } hold)
                    {
                        Disarm(hold);
                    }

                    return new KeptPause(_hold?.Lease, _last, [.. _finished]);
                }
            }

            _commands.Release();
            await Task.Delay(BetweenLooks, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The other process did not come to it: this keeper, if it was given away, goes on as before. A pause that has expired meanwhile ends now.</summary>
    public void TakeBack()
    {
        lock (_sync)
        {
            if (!_isGivenAway)
            {
                return;
            }

            _isGivenAway = false;
            if (_hold is { Ending: null } hold)
            {
                ArmUntil(hold);
            }
        }

        _commands.Release();
    }

    /// <summary>Goes on with what another process's keeper gave away, before anything is asked of this one.</summary>
    public void GoOnWith(KeptPause kept)
    {
        ArgumentNullException.ThrowIfNull(kept);
        lock (_sync)
        {
            foreach (var id in kept.Finished)
            {
                _finished.Enqueue(id);
            }

            _last = kept.Last;
            if (kept.Lease is { } lease)
            {
                _hold = new Hold { Lease = lease, Reached = true, ReachedAt = _time.GetTimestamp() };
                ArmUntil(_hold);
                PoolingLog.Inherited(_logger, _pooler, lease.Holder, lease.Id, lease.ExpiresAt);
            }
        }
    }

    /// <summary>Resumes what is held, within ten seconds, unless it was given away. Later requests are refused.</summary>
    public async ValueTask DisposeAsync()
    {
        Ending? ending = null;
        Hold? hold;
        lock (_sync)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            hold = _hold;
            if (hold is not null && !_isGivenAway)
            {
                ending = BeginEnd(hold, "the process ends");
            }
        }

        if (ending is not null)
        {
            try
            {
                await ending.Done.WaitAsync(ShutdownBudget, _time).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                PoolingLog.ResumeGivenUp(_logger, _pooler, hold!.Lease.Id);
            }
        }

        await _givenUp.CancelAsync().ConfigureAwait(false);
        if (ending is not null)
        {
            await ending.Done.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _givenUp.Dispose();
    }

    private static TimeSpan Longer(TimeSpan delay) => delay + delay < LastRetry ? delay + delay : LastRetry;

    private async Task<PauseLease> PauseCoreAsync(
        string id, string holder, TimeSpan timeout, TimeSpan expiry, CancellationToken cancellationToken)
    {
        var createdAt = _time.GetUtcNow();
        var received = _time.GetTimestamp();
        if (string.IsNullOrEmpty(id) || timeout < TimeSpan.Zero || timeout > Longest || expiry < TimeSpan.Zero || expiry > Longest)
        {
            throw new PgClusterException(
                Reason.InvalidArgument, $"A pause of {_pooler} needs an id, and a timeout and an expiry from 0 to {Longest}; got {timeout} and {expiry}.")
            {
                Target = _pooler,
            };
        }

        using var budget = new CancellationTokenSource(timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, budget.Token);
        Hold hold;
        bool extends;
        bool isFresh;
        while (true)
        {
            Task previousEnd;
            lock (_sync)
            {
                if (_disposed)
                {
                    throw new PgClusterException(Reason.PoolerUnreachable, $"The keeper of {_pooler} is shutting down.") { Target = _pooler };
                }

                if (_finished.Contains(id, StringComparer.Ordinal))
                {
                    throw new PgClusterException(Reason.Cancelled, $"The pause {id} of {_pooler} has ended for good.") { Target = _pooler };
                }

                if (_hold is null || (_hold.Ending is null && _hold.Lease.Id == id))
                {
                    hold = _hold ??= new Hold();
                    extends = hold.Reached;
                    isFresh = extends && _time.GetElapsedTime(hold.ReachedAt) < SurelyPaused;
                    hold.Lease = new PauseLease
                    {
                        Id = id,
                        Pooler = _pooler,
                        Holder = holder,
                        CreatedAt = createdAt,
                        ExpiresAt = expiry == TimeSpan.Zero ? DateTimeOffset.MaxValue : createdAt + expiry,
                    };
                    Arm(hold, expiry, received);
                    break;
                }

                if (_hold.Ending is not { } ending)
                {
                    throw HeldByAnother(_hold);
                }

                previousEnd = ending.Done;
            }

            try
            {
                await previousEnd.WaitAsync(either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
            {
                throw TimedOut(timeout, "the pause before it could not be ended", exception);
            }
        }

        // Who extends a pause and goes away meanwhile must not take it from those who rely on it.
        return isFresh ? hold.Lease
            : extends
            ? await ReachAsync(hold, holder, timeout, budget.Token, CancellationToken.None).ConfigureAwait(false)
            : await ReachAsync(hold, holder, timeout, either.Token, cancellationToken).ConfigureAwait(false);
    }

    private async Task<PauseLease> ReachAsync(Hold hold, string holder, TimeSpan timeout, CancellationToken bounded, CancellationToken caller)
    {
        Exception failure;
        Ending ending;
        using var reach = CancellationTokenSource.CreateLinkedTokenSource(bounded, hold.Aborted);
        try
        {
            await _commands.WaitAsync(reach.Token).ConfigureAwait(false);
            try
            {
                await _console.PauseAsync(reach.Token).ConfigureAwait(false);
            }
            finally
            {
                _commands.Release();
            }

            caller.ThrowIfCancellationRequested();
            lock (_sync)
            {
                if (hold.Ending is null)
                {
                    if (!hold.Reached)
                    {
                        (hold.Reached, hold.ReachedAt) = (true, _time.GetTimestamp());
                        _last = new PoolerPause { Id = hold.Lease.Id, Holder = holder, Since = _time.GetUtcNow() };
                        Changed?.Invoke();
                    }

                    PoolingLog.Paused(_logger, _pooler, holder, hold.Lease.Id, hold.Lease.ExpiresAt);
                    return hold.Lease;
                }
            }

            throw new OperationCanceledException();
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        bool abortedBefore;
        lock (_sync)
        {
            abortedBefore = hold.Ending is not null;
            ending = BeginEnd(hold, "the pause was not reached");
        }

        PoolingLog.PauseFailed(_logger, _pooler, holder, hold.Lease.Id, failure.Message);

        // The answer says that nobody is left paused, so it comes after the resume; when that fails it goes on behind.
        await ((Task)ending.FirstAttempt).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        caller.ThrowIfCancellationRequested();
        if (abortedBefore)
        {
            throw new PgClusterException(Reason.Cancelled, $"The pause of {_pooler} was ended before it was reached: {ending.Cause}.", failure) { Target = _pooler };
        }

        if (bounded.IsCancellationRequested || failure is PgClusterException { Reason: Reason.PauseTimeout } or OperationCanceledException)
        {
            throw TimedOut(timeout, failure.Message, failure);
        }

        throw failure as PgClusterException
            ?? new PgClusterException(Reason.PoolerUnreachable, $"Pooler {_pooler} could not be paused: {failure.Message}", failure) { Target = _pooler };
    }

    /// <summary>Sets the expiry of the hold's newest request; the ones before it become stale. Needs the lock.</summary>
    private void Arm(Hold hold, TimeSpan expiry, long received)
    {
        var generation = Disarm(hold);
        if (expiry > TimeSpan.Zero)
        {
            var left = expiry - _time.GetElapsedTime(received);
            hold.Timer = _time.CreateTimer(
                _ => OnExpiry(hold, generation), null, left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Sets the expiry by the clock of the lease, which may have been another process's. Needs the lock.</summary>
    private void ArmUntil(Hold hold)
    {
        if (hold.Lease.ExpiresAt < DateTimeOffset.MaxValue)
        {
            var left = hold.Lease.ExpiresAt - _time.GetUtcNow();
            Arm(hold, left > TimeSpan.Zero ? left : TimeSpan.FromTicks(1), _time.GetTimestamp());
        }
    }

    /// <summary>Takes the expiry away; one that is on its way is stale. Needs the lock.</summary>
    private static int Disarm(Hold hold)
    {
        hold.Timer?.Dispose();
        hold.Timer = null;
        return ++hold.Generation;
    }

    private void OnExpiry(Hold hold, int generation)
    {
        lock (_sync)
        {
            // A timer that was on its way when its pause ended or was extended must not end the one after it.
            if (_hold != hold || hold.Generation != generation || hold.Ending is not null)
            {
                PoolingLog.StaleExpiry(_logger, _pooler, hold.Lease.Id);
                return;
            }

            PoolingLog.Expired(_logger, _pooler, hold.Lease.Id);
            BeginEnd(hold, "its expiry was over");
        }
    }

    /// <summary>Begins the end of a hold, once. Needs the lock.</summary>
    private Ending BeginEnd(Hold hold, string cause)
    {
        if (hold.Ending is { } ending)
        {
            return ending;
        }

        Disarm(hold);
        ending = hold.Ending = new Ending(cause);
        ending.Run(Task.Run(() => EndAsync(hold, ending)));
        return ending;
    }

    private async Task EndAsync(Hold hold, Ending ending)
    {
        await hold.AbortAsync().ConfigureAwait(false);
        for (var delay = FirstRetry; ; delay = Longer(delay))
        {
            try
            {
                await CommandAsync(token => _console.ResumeAsync(token), _givenUp.Token).ConfigureAwait(false);
                break;
            }
            catch (OperationCanceledException) when (_givenUp.IsCancellationRequested)
            {
                ending.Attempted(new PgClusterException(Reason.PoolerUnreachable, $"Pooler {_pooler} may stay paused: its keeper has ended.") { Target = _pooler });
                return;
            }
            catch (Exception exception)
            {
                // Any error: an unforeseen one must not leave clients waiting either.
                lock (_sync)
                {
                    hold.ResumeError = exception.Message;
                }

                PoolingLog.ResumeFailed(_logger, _pooler, hold.Lease.Id, ending.Cause, delay, exception.Message);
                ending.Attempted(exception as PgClusterException
                    ?? new PgClusterException(Reason.PoolerUnreachable, $"Pooler {_pooler} could not be resumed: {exception.Message}", exception) { Target = _pooler });
            }

            await Task.Delay(delay, _time, _givenUp.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        lock (_sync)
        {
            _hold = null;
            if (hold.Reached)
            {
                _last = _last! with { Until = _time.GetUtcNow(), EndedBy = ending.Cause };
                Changed?.Invoke();
            }
        }

        PoolingLog.Resumed(_logger, _pooler, hold.Lease.Id, ending.Cause);
        hold.Dispose();
        ending.Attempted(null);
    }

    private Task<bool> CommandAsync(Func<CancellationToken, Task> command, CancellationToken cancellationToken) => CommandAsync(
        async token =>
        {
            await command(token).ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    private async Task<T> CommandAsync<T>(Func<CancellationToken, Task<T>> command, CancellationToken cancellationToken)
    {
        await _commands.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            using var budget = new CancellationTokenSource(AttemptTimeout, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, budget.Token);
            try
            {
                return await command(either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
            {
                throw new PgClusterException(
                    Reason.PoolerUnreachable, $"Pooler {_pooler} did not answer RESUME within {AttemptTimeout}.", exception)
                { Target = _pooler };
            }
        }
        finally
        {
            _commands.Release();
        }
    }

    private PgClusterException HeldByAnother(Hold hold) =>
        new(Reason.LockHeld, $"Pooler {_pooler} is paused for {hold.Lease.Holder} under another lease until {hold.Lease.ExpiresAt:O}.") { Target = _pooler };

    private PgClusterException TimedOut(TimeSpan timeout, string cause, Exception inner) =>
        new(Reason.PauseTimeout, $"exceeded pause timeout of {timeout.TotalSeconds:0.###} s for pooler {_pooler}: {cause}", inner) { Target = _pooler };

    private sealed class Hold : IDisposable
    {
        private readonly CancellationTokenSource _abort = new();

        public Hold() => Aborted = _abort.Token;

        public PauseLease Lease { get; set; } = null!;

        public ITimer? Timer { get; set; }

        public int Generation { get; set; }

        public bool Reached { get; set; }

        /// <summary>Timestamp since when it is reached.</summary>
        public long ReachedAt { get; set; }

        public string? ResumeError { get; set; }

        public Ending? Ending { get; set; }

        public CancellationToken Aborted { get; }

        public Task AbortAsync() => _abort.CancelAsync();

        public void Dispose() => _abort.Dispose();
    }

    private sealed class Ending(string cause)
    {
        private readonly TaskCompletionSource<PgClusterException?> _first = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Cause { get; } = cause;

        /// <summary>Ends with the pooler resumed, or the keeper gone.</summary>
        public Task Done { get; private set; } = Task.CompletedTask;

        /// <summary>Ends with the first attempt, in its error if it had one.</summary>
        public Task FirstAttempt => ThrowIfFailedAsync();

        public void Run(Task done) => Done = done;

        public void Attempted(PgClusterException? error) => _first.TrySetResult(error);

        private async Task ThrowIfFailedAsync()
        {
            if (await _first.Task.ConfigureAwait(false) is { } error)
            {
                throw error;
            }
        }
    }
}
