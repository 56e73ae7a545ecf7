using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using PgCluster.Agent.Daemons;
using PgCluster.Agent.Services;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;
using PgCluster.Handoff;

namespace PgCluster.Agent.Hosting;

/// <summary>
/// A daemon's part in its upgrade: it takes sockets and state over from the running one, and gives both to whoever is started next. Where <c>agent.handoff_directory</c> is empty it does neither.
/// </summary>
internal sealed class DaemonHandoff : IApplicationState, IAsyncDisposable
{
    private static readonly TimeSpan ToLetGo = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan ToRest = TimeSpan.FromSeconds(45);

    private readonly Lock _sync = new();
    private readonly TimeProvider _time;
    private readonly List<HandoffAttempt> _over = [];
    private readonly List<OpenStreams> _streams = [];
    private readonly TimeSpan _drainTimeout;
    private readonly bool _rehearses;
    private readonly long _began;
    private ProcessHandoff? _handoff;
    private HandoffAttempt _attempt = new();
    private HandedState? _inherited;
    private bool _isReady;

    private DaemonHandoff(ClusterConfig config, string daemon, bool rehearses, TimeProvider time, ILogger logger)
    {
        (_drainTimeout, _rehearses, _time, _began) = (config.Agent.DrainTimeout, rehearses, time, time.GetTimestamp());
        Directory = new DaemonDirectory(config);
        if (Directory.IsThere)
        {
            Make(Directory.Of(daemon));
        }

        Record = new OwnRecord(config, daemon, Directory, time, logger);
        Orders = new DaemonOrders(Record, Directory, logger);
    }

    /// <summary>The daemons of this machine.</summary>
    public DaemonDirectory Directory { get; }

    /// <summary>What this one is.</summary>
    public OwnRecord Record { get; }

    /// <summary>What it was told.</summary>
    public DaemonOrders Orders { get; }

    /// <summary>True when there is a directory to find one another in.</summary>
    public bool IsOn => _handoff is not null;

    /// <summary>Waited for before the daemon is asked to end its work, so that nobody is cut off.</summary>
    public Func<CancellationToken, Task> UntilAtRest { get; set; } = _ => Task.CompletedTask;

    /// <summary>The try of whoever comes next. When it has <see cref="HandoffAttempt.Asked"/>, the daemon ends its work and calls <see cref="GiveAsync"/>.</summary>
    public HandoffAttempt Next
    {
        get
        {
            lock (_sync)
            {
                return _attempt;
            }
        }
    }

    /// <summary>Waits for its turn, and takes over what the running process has, which goes on until <see cref="ReadyAsync"/>.</summary>
    /// <param name="config">Has the directory.</param>
    /// <param name="daemon">What this process is to its cluster, as a directory's name: the same for all that follow one another.</param>
    /// <param name="rehearses">Whether it is to end where it would become ready.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The log.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>: the directory cannot be used. <see cref="Reason.PlanStale"/>: the running process stays.</exception>
    public static async Task<DaemonHandoff> StartAsync(ClusterConfig config, string daemon, bool rehearses, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (rehearses && config.Agent.HandoffDirectory.Length == 0)
        {
            throw new PgClusterException(Reason.InvalidConfiguration, "agent.handoff_directory is empty: there is nothing to rehearse");
        }

        var handoff = new DaemonHandoff(config, daemon, rehearses, time, logger);
        if (!handoff.Directory.IsThere)
        {
            return handoff;
        }

        try
        {
            handoff._handoff = await ProcessHandoff.StartAsync(
                new HandoffOptions
                {
                    Directory = handoff.Directory.Of(daemon),
                    Id = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}"),
                    ApplicationVersion = ProductVersion.Text,
                    State = handoff,
                    TimeProvider = time,
                    Logger = logger,
                },
                cancellationToken).ConfigureAwait(false);
            handoff.Directory.Sweep(daemon);
            return handoff;
        }
        catch (Exception e)
        {
            handoff.Record.Fail(e.Message);
            await handoff.DisposeAsync().ConfigureAwait(false);
            switch (e)
            {
                case HandoffException { Error: HandoffError.DirectoryUnusable } or IOException or UnauthorizedAccessException:
                    throw Unusable(handoff.Directory.Of(daemon), e);
                case HandoffException:
                    throw new PgClusterException(Reason.PlanStale, $"nothing was taken over from the process that runs as {daemon}: {e.Message}", e) { Target = daemon };
                default:
                    throw;
            }
        }
    }

    /// <summary>The socket that listens at an address: the running process's, or a new one.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>: it cannot listen there.</exception>
    public Socket Listen(string name, IPEndPoint endPoint)
    {
        try
        {
            var socket = _handoff!.Descriptors.Listen($"{name} {endPoint}", endPoint);
            Record.Change(d => d with { Listeners = [.. d.Listeners.Append($"{name} {endPoint}").Distinct()] });
            return socket;
        }
        catch (HandoffException e)
        {
            Record.Fail($"it cannot listen on {endPoint}: {e.Message}");
            throw new PgClusterException(Reason.InvalidConfiguration, $"the agent cannot listen on {endPoint}: {e.Message}", e) { Target = endPoint.ToString() };
        }
    }

    /// <summary>Makes this process the one that is at work; the one before it has ended its work when this returns. Once; afterwards, when nobody has followed, it ends the streams of the work before.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlanStale"/>: it is not, and has to end.</exception>
    /// <exception cref="RehearsedException">It has what it needs to be at work, and was only to show that.</exception>
    public async Task ReadyAsync(CancellationToken cancellationToken)
    {
        await EndStreamsAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
        if (_isReady)
        {
            return;
        }

        if (_rehearses)
        {
            Record.Change(d => d with { State = DaemonState.Rehearsed });
            throw new RehearsedException();
        }

        try
        {
            await (_handoff?.ReadyAsync(cancellationToken) ?? Task.CompletedTask).ConfigureAwait(false);
            _isReady = true;
            Orders.Listen();
            Record.Change(d => d with { State = DaemonState.Running, TakeoverMs = _handoff?.Predecessor is null ? null : _time.GetElapsedTime(_began).TotalMilliseconds });
            ServiceManager.TellReady();
        }
        catch (HandoffException e)
        {
            Record.Fail($"it does not take over: {e.Message}");
            throw new PgClusterException(Reason.PlanStale, $"this process does not take over: {e.Message}", e);
        }
    }

    /// <summary>What the process before this one knew, once, after <see cref="ReadyAsync"/>; null when there was none.</summary>
    public HandedState? TakeInherited() => Interlocked.Exchange(ref _inherited, null);

    /// <summary>
    /// For a daemon that was asked and has ended its work: lets go of what it holds and says what it knew. True when the successor goes on from there; false when this process has to, and holds it again.
    /// </summary>
    /// <param name="attempt">Who has asked.</param>
    /// <param name="poolers">The poolers that this process keeps.</param>
    /// <param name="node">What the agent of a node remembers; null for a process that is none.</param>
    /// <param name="stop">Asks this process to end.</param>
    public async Task<bool> GiveAsync(HandoffAttempt attempt, IReadOnlyList<KeptPooler> poolers, NodeMemory? node, CancellationToken stop)
    {
        using (var budget = new CancellationTokenSource(ToLetGo, _time))
        {
            try
            {
                attempt.Give(new HandedState(await KeptPoolers.GiveAwayAsync(poolers, budget.Token).ConfigureAwait(false), node));
            }
            catch (OperationCanceledException)
            {
                // Nobody leads while this is waited for.
                attempt.Refuse("a pause of one of its poolers has begun and is not reached yet, or is being ended");
            }
        }

        using var stopping = stop.UnsafeRegister(_ => _handoff!.Stop(), null);
        await Task.WhenAny(attempt.CameToNothing, _handoff!.UpgradeComplete).ConfigureAwait(false);
        if (!attempt.CameToNothing.IsCompleted && _handoff.State == HandoffState.Draining)
        {
            Record.Change(d => d with { State = DaemonState.Draining, DrainEndsAt = _time.GetUtcNow() + DrainTimeout });
            return true;
        }

        KeptPoolers.TakeBack(poolers);
        return false;
    }

    /// <summary>Has the streams of a server that serves nobody else any more.</summary>
    public void Keep(OpenStreams streams)
    {
        lock (_sync)
        {
            _streams.Add(streams);
        }
    }

    /// <summary>For a daemon that was followed, when it has ended all else: lets go of the sockets, and returns when the streams have ended, by themselves or after <c>agent.drain_timeout</c>.</summary>
    /// <param name="now">Ends them at once.</param>
    public Task EndStreamsAsync(CancellationToken now)
    {
        RemoveSockets();
        return EndStreamsAsync(DrainTimeout, now);
    }

    /// <summary>Whoever connects while nobody accepts is refused then, and not left waiting for this process.</summary>
    public void RemoveSockets()
    {
        foreach (var socket in _handoff!.Descriptors.Items)
        {
            _handoff.Descriptors.Remove(socket.Id);
        }
    }

    async ValueTask<StateSnapshot> IApplicationState.CaptureAsync(StateMoment moment, HandoffPeer successor, CancellationToken cancellationToken)
    {
        if (moment == StateMoment.Preview)
        {
            return HandedState.Empty.ToSnapshot();
        }

        await RestAsync(cancellationToken).ConfigureAwait(false);
        return (await Next.AskAsync(cancellationToken).ConfigureAwait(false)).ToSnapshot();
    }

    private TimeSpan DrainTimeout => Orders.DrainTimeout ?? _drainTimeout;

    private static void Make(string directory)
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                System.IO.Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unusable(directory, e);
        }
    }

    private static PgClusterException Unusable(string directory, Exception e) =>
        new(Reason.InvalidConfiguration, $"agent.handoff_directory: {directory} cannot be used: {e.Message}", e) { Target = directory };

    private async Task RestAsync(CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(ToRest, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            await UntilAtRest(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HandoffRefusedException(string.Create(CultureInfo.InvariantCulture, $"it was not at rest within {ToRest.TotalSeconds:0} s: a request is still running, or what it has begun is not finished"));
        }
    }

    ValueTask IApplicationState.ResumeAsync()
    {
        HandoffAttempt over;
        lock (_sync)
        {
            (over, _attempt) = (_attempt, new HandoffAttempt());
            _over.Add(over);
        }

        over.End();
        return ValueTask.CompletedTask;
    }

    ValueTask IApplicationState.AdoptAsync(StateSnapshot? snapshot, StateMoment moment, HandoffPeer owner, CancellationToken cancellationToken)
    {
        var state = HandedState.Read(snapshot, owner.ApplicationVersion);
        if (moment == StateMoment.Final)
        {
            _inherited = state;
        }

        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await EndStreamsAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
        Orders.Dispose();
        if (_handoff is { } handoff)
        {
            await handoff.DisposeAsync().ConfigureAwait(false);
        }

        Record.Dispose();

        // Their tokens have been looked at until now.
        _over.ForEach(attempt => attempt.Dispose());
        _attempt.Dispose();
    }

    private async Task EndStreamsAsync(TimeSpan timeout, CancellationToken now)
    {
        OpenStreams[] streams;
        lock (_sync)
        {
            streams = [.. _streams];
            _streams.Clear();
        }

        await Task.WhenAll(streams.Select(one => one.EndAsync(timeout, now))).ConfigureAwait(false);
    }
}
