using System.Net.Sockets;
using PgCluster.Handoff.Linux;
using PgCluster.Handoff.Protocol;

namespace PgCluster.Handoff;

/// <summary>
/// One process's part in a row of processes that take their listening sockets, connections and files over from one another. Start it, take or make
/// every descriptor through <see cref="Descriptors"/>, serve, call <see cref="ReadyAsync"/>; when <see cref="UpgradeComplete"/> is done, stop accepting,
/// finish the work at hand and end. Linux only.
/// </summary>
public sealed class ProcessHandoff : IAsyncDisposable
{
    private static readonly TimeSpan AcceptRetryInterval = TimeSpan.FromMilliseconds(100);

    private readonly Lock _sync = new();
    private readonly HandoffOptions _options;
    private readonly CoordinationDirectory _directory;
    private readonly Socket _requests;
    private readonly DescriptorTable _table = new();
    private readonly HashSet<Task> _serving = [];
    private readonly TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _accepting = new();
    private readonly Task _accepted;

    private volatile HandoffState _state = HandoffState.CheckingOwner;
    private DirectoryLock? _lock;
    private Takeover? _takeover;
    private Task _watched = Task.CompletedTask;
    private HandoffException? _failure;
    private bool _isReadying;
    private bool _isClosed;

    private ProcessHandoff(HandoffOptions options, CoordinationDirectory directory, DirectoryLock held, Socket requests)
    {
        _options = options;
        _directory = directory;
        _lock = held;
        _requests = requests;
        Descriptors = new DescriptorStore(_table);
        _accepted = Task.Run(AcceptAsync);
    }

    /// <summary>The listeners, connections and files that are handed over.</summary>
    public DescriptorStore Descriptors { get; }

    /// <summary>The owner that this process takes over from; null when there was none.</summary>
    public HandoffPeer? Predecessor { get; private set; }

    /// <summary>What this process is now.</summary>
    public HandoffState State => _state;

    /// <summary>
    /// Done when this process has nothing to own any more: a successor has taken over (<see cref="HandoffState.Draining"/>), or it was stopped
    /// (<see cref="HandoffState.Stopped"/>). Never faulted.
    /// </summary>
    public Task UpgradeComplete => _complete.Task;

    /// <summary>
    /// Takes part: waits for whoever takes over now, then takes state and descriptors of the owner, if there is one. From here until
    /// <see cref="ReadyAsync"/>, stop or death nobody else can take over.
    /// </summary>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Ends the waits of this call; it has no part in what comes after.</param>
    /// <exception cref="ArgumentException">An option has no usable value.</exception>
    /// <exception cref="PlatformNotSupportedException">Elsewhere than on Linux.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the owner stays one.</exception>
    /// <exception cref="HandoffException">Nothing was taken over, and the owner stays one: DirectoryUnusable, IdInUse, NotTrusted, Protocol, Refused, StateRefused, OwnerLost, System.</exception>
    public static async Task<ProcessHandoff> StartAsync(HandoffOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException(
                "Handing sockets over to another process is supported on Linux only: here, stop the old process before the new one is started.");
        }

        Frame.Prepare();
        var directory = new CoordinationDirectory(options);
        var held = await directory.LockAsync(cancellationToken).ConfigureAwait(false);
        ProcessHandoff handoff;
        try
        {
            HandoffLog.LockTaken(options.Logger);
            directory.Sweep();
            handoff = new ProcessHandoff(options, directory, held, directory.Bind());
            HandoffLog.SocketBound(options.Logger, options.Id);
        }
        catch
        {
            held.Dispose();
            throw;
        }

        try
        {
            await handoff.TakeOverAsync(cancellationToken).ConfigureAwait(false);
            return handoff;
        }
        catch
        {
            await handoff.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Makes this process the owner; to be called when it serves, also when there was no owner before. The old one stops accepting now. When it fails
    /// this process must end, and be started again: it is not the owner, and either the old one still is or nobody.
    /// </summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="HandoffException">InvalidState, Stopped, OwnerLost, StateRefused, Protocol, DirectoryUnusable.</exception>
    public async Task ReadyAsync(CancellationToken cancellationToken = default)
    {
        Takeover? takeover;
        lock (_sync)
        {
            if (_isReadying || !HandoffStateMachine.Next(_state, HandoffEvent.Ready).Accepted)
            {
                throw _failure ?? new HandoffException(
                    _state == HandoffState.Stopped ? HandoffError.Stopped : HandoffError.InvalidState,
                    $"'{_options.Id}' cannot become ready: it is {(_isReadying ? "becoming so" : _state)}.");
            }

            // From here on a stop leaves the lock and the connection to this call.
            _isReadying = true;
            takeover = _takeover;
        }

        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
            if (takeover is not null)
            {
                await takeover.CompleteAsync(either.Token).ConfigureAwait(false);
            }

            _directory.WriteOwner(_options.Id);
            HandoffLog.OwnerRecorded(_options.Logger, _options.Id);
            if (!Advance(HandoffEvent.Ready).Accepted)
            {
                throw new HandoffException(HandoffError.Stopped, $"'{_options.Id}' was stopped before it was ready.");
            }
        }
        catch (Exception e)
        {
            HandoffLog.TakeoverFailed(_options.Logger, e.Message);
            lock (_sync)
            {
                _isReadying = false;
            }

            Stop();
            Release();
            if (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                throw _failure ?? new HandoffException(HandoffError.Stopped, $"'{_options.Id}' was stopped before it was ready.", e);
            }

            throw;
        }

        // Before the lock is free: whoever takes over next is not to be given what is closed here.
        foreach (var unused in _table.RemoveUnused())
        {
            HandoffLog.UnusedClosed(_options.Logger, unused.Id);
        }

        lock (_sync)
        {
            _isReadying = false;
        }

        Release();
        HandoffLog.BecameOwner(_options.Logger, _options.Id);
    }

    /// <summary>
    /// Takes no more part: no successor is served any more, and <see cref="UpgradeComplete"/> is done. Before <see cref="ReadyAsync"/> this gives up the
    /// takeover, and the owner stays one. What was handed out stays open. Any number of times.
    /// </summary>
    public void Stop()
    {
        HandoffTransition transition;
        HandoffState before;
        lock (_sync)
        {
            before = _state;
            transition = HandoffStateMachine.Next(before, HandoffEvent.Stop);
            _state = transition.State;
        }

        if (before == HandoffState.Stopped)
        {
            return;
        }

        try
        {
            _table.SetLock(CurrentLock);
            if (before is HandoffState.Owner or HandoffState.Transferring)
            {
                ForgetOwner();
            }

            CloseRequests();
            Release();
            if (transition.Completes)
            {
                _complete.TrySetResult();
            }

            HandoffLog.Stopped(_options.Logger, _options.Id);

            // Last: what an application has hung on this token may throw.
            _stopping.Cancel();
        }
        finally
        {
            _stopped.SetResult();
        }
    }

    /// <summary>Stops, waits until nothing of this is at work any more, and closes the store's copies of the descriptors.</summary>
    public async ValueTask DisposeAsync()
    {
        Stop();

        // Another thread's call may not be through yet, and still uses what is disposed here.
        await _stopped.Task.ConfigureAwait(false);
        await _accepted.ConfigureAwait(false);
        await _watched.ConfigureAwait(false);
        Task[] serving;
        lock (_sync)
        {
            serving = [.. _serving];
        }

        await Task.WhenAll(serving).ConfigureAwait(false);
        _table.Dispose();
        _stopping.Dispose();
        _accepting.Dispose();
    }

    private async Task TakeOverAsync(CancellationToken cancellationToken)
    {
        _takeover = await Takeover.BeginAsync(_directory, _options, cancellationToken).ConfigureAwait(false);
        if (_takeover is { } takeover)
        {
            Predecessor = takeover.Owner;
            _table.Inherit(await takeover.ReceiveAsync(cancellationToken).ConfigureAwait(false));
            _watched = WatchAsync(takeover, takeover.NextWord);
        }
    }

    /// <summary>Gives up when the owner does: it speaks unasked only to say so, and a process that can no longer take over must not keep others from it.</summary>
    private async Task WatchAsync(Takeover takeover, Task<HandoffMessage?> firstWord)
    {
        HandoffException why;
        try
        {
            why = takeover.BrokenOff(await firstWord.ConfigureAwait(false));
        }
        catch (HandoffException e)
        {
            why = e;
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            return;
        }

        lock (_sync)
        {
            if (_isReadying || _state != HandoffState.CheckingOwner)
            {
                return;
            }

            _failure = why;
        }

        HandoffLog.TakeoverFailed(_options.Logger, why.Message);
        Stop();
    }

    private async Task AcceptAsync()
    {
        while (!_accepting.IsCancellationRequested)
        {
            try
            {
                var socket = await _requests.AcceptAsync(_accepting.Token).ConfigureAwait(false);
                var serving = Task.Run(() => ServeAsync(socket));
                lock (_sync)
                {
                    _serving.RemoveWhere(task => task.IsCompleted);
                    _serving.Add(serving);
                }
            }
            catch (Exception e) when (_accepting.IsCancellationRequested && e is (OperationCanceledException or ObjectDisposedException or SocketException))
            {
                return;
            }
            catch (SocketException e)
            {
                // Such as no descriptor being left for it: that passes.
                HandoffLog.AcceptFailed(_options.Logger, e);
                await Task.Delay(AcceptRetryInterval, _options.TimeProvider, _accepting.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            using var channel = new HandoffChannel(socket, _options.TimeProvider);
            if (await WelcomeAsync(channel).ConfigureAwait(false) is { } successor)
            {
                await TransferAsync(channel, successor).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            // A request that breaks off before anything was begun changes nothing.
            HandoffLog.RequestBroke(_options.Logger, e);
        }
    }

    /// <summary>Judges a request; null when it was refused. Otherwise this process is transferring.</summary>
    private async Task<HandoffPeer?> WelcomeAsync(HandoffChannel channel)
    {
        using var timeout = new CancellationTokenSource(_options.UpgradeTimeout, _options.TimeProvider);
        using var budget = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _stopping.Token);
        if (!channel.Peer.IsTrustedBy(Native.EffectiveUserId()))
        {
            HandoffLog.PeerNotTrusted(_options.Logger, channel.Peer.ProcessId, channel.Peer.UserId);
            await Transfer.RefuseAsync(
                channel, RefusalCode.NotTrusted, $"'{_options.Id}' hands nothing over to user {channel.Peer.UserId}, who is neither its own nor root.", budget.Token)
                .ConfigureAwait(false);
            return null;
        }

        // Nothing at all comes from a process that only looks whether anybody listens here.
        if (await channel.ReceiveAsync(budget.Token).ConfigureAwait(false) is not HandoffMessage.Hello hello)
        {
            return null;
        }

        var offered = new ProtocolVersions(hello.Lowest, hello.Highest);
        var (code, reason) = (RefusalCode.NotNow, "");
        if (ProtocolVersions.Agree(_options.Protocol, offered) is not { } version)
        {
            (code, reason) = (RefusalCode.Protocol, $"'{_options.Id}' speaks the protocol's versions {_options.Protocol.Lowest} to {_options.Protocol.Highest}, '{hello.Id}' {hello.Lowest} to {hello.Highest}.");
        }
        else if (_options.State is not null && version < ProtocolVersions.WithState)
        {
            (code, reason) = (RefusalCode.State, $"'{hello.Id}' speaks protocol {version}, which carries no state, and what '{_options.Id}' knows would be lost.");
        }
        else if (!Advance(HandoffEvent.Request).Accepted)
        {
            reason = $"'{_options.Id}' is {_state}.";
        }
        else
        {
            return new HandoffPeer(hello.Id, channel.Peer.ProcessId, hello.ApplicationVersion, version);
        }

        HandoffLog.RequestRefused(_options.Logger, reason);
        await Transfer.RefuseAsync(channel, code, reason, budget.Token).ConfigureAwait(false);
        return null;
    }

    private async Task TransferAsync(HandoffChannel channel, HandoffPeer successor)
    {
        using var timeout = new CancellationTokenSource(_options.UpgradeTimeout, _options.TimeProvider);
        using var budget = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _stopping.Token);
        var transfer = new Transfer(_options, channel, successor, _table);
        try
        {
            HandoffLog.Requested(_options.Logger, successor.Id, successor.ProcessId, successor.ApplicationVersion);
            await transfer.RunAsync(budget.Token).ConfigureAwait(false);
            if (!Advance(HandoffEvent.TransferSucceeded).Accepted)
            {
                // Stopped in this very moment. The successor hears nothing and must not own: nobody does, which is better than two.
                throw new OperationCanceledException();
            }
        }
        catch (Exception e)
        {
            // The application goes on before the next one can ask it for anything.
            await transfer.ResumeAsync().ConfigureAwait(false);
            Advance(HandoffEvent.TransferFailed);
            HandoffLog.TransferFailed(_options.Logger, successor.Id, transfer.Explain(e));
            using var last = LastWord();
            await transfer.RefuseAsync(e, last.Token).ConfigureAwait(false);
            return;
        }

        try
        {
            HandoffLog.SteppedDown(_options.Logger, successor.Id);
            CloseRequests();
            using var last = LastWord();
            await transfer.SayStepDownAsync(last.Token).ConfigureAwait(false);
        }
        finally
        {
            _complete.TrySetResult();
        }
    }

    /// <summary>What is still to be said when a handoff is over has a budget of its own.</summary>
    private CancellationTokenSource LastWord() => new(_options.UpgradeTimeout, _options.TimeProvider);

    private HandoffTransition Advance(HandoffEvent happened)
    {
        HandoffTransition transition;
        lock (_sync)
        {
            transition = HandoffStateMachine.Next(_state, happened);
            _state = transition.State;
        }

        _table.SetLock(CurrentLock);
        return transition;
    }

    private StoreLock CurrentLock() => HandoffStateMachine.LockIn(_state);

    /// <summary>Takes no requests any more. Once in a process's life: afterwards another may have its id.</summary>
    private void CloseRequests()
    {
        lock (_sync)
        {
            if (_isClosed)
            {
                return;
            }

            _isClosed = true;
        }

        _accepting.Cancel();
        try
        {
            _directory.Unbind();
        }
        catch (HandoffException e)
        {
            HandoffLog.NotCleared(_options.Logger, e.Message);
        }

        _requests.Dispose();
    }

    /// <summary>Strikes this process, which is the owner, from the record. When somebody else has the lock it stays, as after a crash.</summary>
    private void ForgetOwner()
    {
        try
        {
            using var held = _directory.TryLock();
            if (held is not null)
            {
                _directory.WriteOwner(null);
            }
        }
        catch (HandoffException e)
        {
            HandoffLog.NotCleared(_options.Logger, e.Message);
        }
    }

    /// <summary>Gives the lock and the connection to the owner back, unless a call of <see cref="ReadyAsync"/> still needs them; it does so at its end.</summary>
    private void Release()
    {
        DirectoryLock? held;
        Takeover? takeover;
        lock (_sync)
        {
            if (_isReadying)
            {
                return;
            }

            (held, _lock) = (_lock, null);
            (takeover, _takeover) = (_takeover, null);
        }

        takeover?.Dispose();
        held?.Dispose();
    }
}
