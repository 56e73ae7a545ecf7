using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using PgCluster.Engine.Switchover;

namespace PgCluster.Engine.Pooling;

/// <summary>
/// Keeps one pooler pointed to where the store says, the primary as a rule: renders its configuration, reloads it, and confirms what it says afterwards,
/// because PgBouncer answers a RELOAD of a broken file as it does a good one. What fails is tried again for ever; a newer value takes the place of an
/// older one at once. Keys that are gone or unreadable change nothing: the old state stays.
/// </summary>
public sealed class PoolerFollower
{
    // What every server has and tools connect to: it goes along.
    private const string MaintenanceDatabase = "postgres";

    private readonly string _pooler;
    private readonly IPoolerConsole _console;
    private readonly IPoolerConfig _config;
    private readonly PoolerFollowerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _sync = new();
    private PoolerFollowerState _state = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Makes a follower; nothing happens before <see cref="RunAsync"/>.</summary>
    public PoolerFollower(
        string pooler, IPoolerConsole console, IPoolerConfig config, PoolerFollowerOptions options, TimeProvider timeProvider, ILogger<PoolerFollower> logger)
    {
        _pooler = pooler;
        _console = console;
        _config = config;
        _options = options;
        _time = timeProvider;
        _logger = logger;
    }

    /// <summary>How far it is.</summary>
    public PoolerFollowerState State
    {
        get
        {
            lock (_sync)
            {
                return _state;
            }
        }
    }

    /// <summary>Waits until this revision, or a later one, is applied and confirmed.</summary>
    /// <param name="revision">The store's revision.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<PoolerFollowerState> WaitForRevisionAsync(long revision, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_sync)
            {
                if (_state.Revision >= revision)
                {
                    return _state;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Follows until the token ends, or until the values end and the last one is applied. An exception of <paramref name="values"/> comes out.
    /// </summary>
    /// <param name="values">What the store says, newest last: see <see cref="KeyedValueOperators.AsWantedTargets"/>.</param>
    /// <param name="cancellationToken">Ends it; that is no error.</param>
    public async Task RunAsync(IAsyncEnumerable<WantedTarget> values, CancellationToken cancellationToken)
    {
        var newest = Channel.CreateBounded<WantedTarget>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var pump = PumpAsync(values, newest.Writer, stop.Token);
        try
        {
            while (await newest.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                while (newest.Reader.TryRead(out var value))
                {
                    await ApplyUntilDoneOrNewerAsync(value, newest.Reader, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Asked to end.
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await pump.ConfigureAwait(false);
        }
    }

    private static async Task PumpAsync(IAsyncEnumerable<WantedTarget> values, ChannelWriter<WantedTarget> newest, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var value in values.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                newest.TryWrite(value);
            }

            newest.Complete();
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            newest.Complete();
        }
        catch (Exception exception)
        {
            newest.Complete(exception);
        }
    }

    private async Task ApplyUntilDoneOrNewerAsync(WantedTarget wanted, ChannelReader<WantedTarget> newest, CancellationToken cancellationToken)
    {
        Change(state => state with { SeenRevision = wanted.Revision, LastError = wanted.Problem });
        if (wanted.Target is not { } target)
        {
            PoolingLog.NothingToFollow(_logger, _pooler, wanted.Problem);
            return;
        }

        while (true)
        {
            using var round = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var newer = newest.WaitToReadAsync(round.Token).AsTask();
            var attempt = TryApplyAsync(wanted, target, round.Token);
            try
            {
                if (await WhenNewerAsync(newer, attempt).ConfigureAwait(false) || await attempt.ConfigureAwait(false))
                {
                    return;
                }

                var pause = Task.Delay(_options.RetryInterval, _time, round.Token);
                if (await WhenNewerAsync(newer, pause).ConfigureAwait(false))
                {
                    return;
                }

                cancellationToken.ThrowIfCancellationRequested();
            }
            finally
            {
                await round.CancelAsync().ConfigureAwait(false);
                await ((Task)attempt).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await ((Task)newer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>True when a newer value is there before the other task is done. Values that have ended never bring a newer one.</summary>
    private static async Task<bool> WhenNewerAsync(Task<bool> newer, Task other)
    {
        if (await Task.WhenAny(newer, other).ConfigureAwait(false) == newer && newer.IsCompletedSuccessfully && await newer.ConfigureAwait(false))
        {
            return true;
        }

        await other.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return false;
    }

    private async Task<bool> TryApplyAsync(WantedTarget wanted, PoolerTarget target, CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        string error;
        using var budget = new CancellationTokenSource(_options.PoolerTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, budget.Token);
        var doing = "rendering its configuration";
        try
        {
            await _config.WriteAsync(target, either.Token).ConfigureAwait(false);
            doing = "waiting for its answer to RELOAD";
            await _console.ReloadAsync(either.Token).ConfigureAwait(false);
            IReadOnlyList<PoolerDatabase> databases;
            while (true)
            {
                databases = await _console.ShowDatabasesAsync(either.Token).ConfigureAwait(false);
                var strays = target.StraysAmong(databases);
                if (strays.Length == 0)
                {
                    break;
                }

                doing = $"waiting for it to show the new address after RELOAD: still {strays}; its log says what is wrong with its configuration";
                await Task.Delay(_options.ConfirmInterval, _time, either.Token).ConfigureAwait(false);
            }

            PoolingLog.Followed(_logger, _pooler, target.ToString(), wanted.Revision, _time.GetElapsedTime(began));
            doing = "rehearsing the announced redirect";
            var objection = wanted.Announced is { } announced ? await RehearseAsync(announced, databases, either.Token).ConfigureAwait(false) : null;
            Change(state => state with
            {
                Target = target,
                Revision = wanted.Revision,
                AppliedAt = _time.GetUtcNow(),
                LastError = null,
                Rehearsed = wanted.Announced?.RunId,
                Objection = objection,
            });
            return true;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (OperationCanceledException)
        {
            error = $"not done within {_options.PoolerTimeout}, {doing}";
        }
        catch (PgClusterException exception)
        {
            error = exception.Message;
        }

        Change(state => state with { LastError = error });
        PoolingLog.FollowFailed(_logger, _pooler, target.ToString(), wanted.Revision, _options.RetryInterval, error);
        return false;
    }

    /// <summary>Why an announced redirect could not be followed, found out before anybody depends on it; null when it could.</summary>
    private async Task<string?> RehearseAsync(Redirect announced, IReadOnlyList<PoolerDatabase> databases, CancellationToken cancellationToken)
    {
        // A pooler leads to one server: the clients of another application would find themselves where their database is not.
        var others = databases
            .Where(d => !d.IsConsole && d.Database != announced.SourceDatabase && d.Database != MaintenanceDatabase)
            .Select(d => d.Name)
            .ToArray();
        var objection = others.Length > 0
            ? $"it serves {string.Join(", ", others)} too, which would be led away together with {announced.SourceDatabase}"
            : await _config.ObjectionAsync(announced, cancellationToken).ConfigureAwait(false);
        if (objection is null)
        {
            PoolingLog.Rehearsed(_logger, _pooler, announced.ToString(), announced.RunId);
        }
        else
        {
            PoolingLog.Objected(_logger, _pooler, announced.ToString(), announced.RunId, objection);
        }

        return objection;
    }

    private void Change(Func<PoolerFollowerState, PoolerFollowerState> change)
    {
        TaskCompletionSource changed;
        lock (_sync)
        {
            _state = change(_state);
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.SetResult();
    }
}
