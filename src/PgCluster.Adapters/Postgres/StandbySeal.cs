using Npgsql;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Nodes;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// Waits until a standby whose primary_conninfo was emptied receives nothing more and never will again by itself. That the WAL receiver is gone does not
/// prove it: the startup process may be about to ask for the next one with what it read before. So it is watched until it has certainly read the
/// configuration again.
/// </summary>
internal sealed class StandbySeal
{
    private const string BetweenTries = "Timeout RecoveryRetrieveRetryInterval";
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(1);

    // How long the startup process gets to end the receiver itself, which keeps an error out of the log.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(20);

    private readonly NpgsqlConnection _connection;
    private readonly TimeProvider _time;
    private readonly ProcessIdentity _startup;

    private StandbyLook _look;
    private ProcessSleep _before;
    private bool _oneSleep;

    private StandbySeal(NpgsqlConnection connection, TimeProvider time, ProcessIdentity startup, StandbyLook look, ProcessSleep sleep)
    {
        _connection = connection;
        _time = time;
        _startup = startup;
        _look = look;
        _before = sleep;
    }

    /// <summary>Call it when the configuration is written. Null when the server stopped being a standby meanwhile.</summary>
    internal static async Task<SealedStandby?> WaitAsync(
        NpgsqlConnection connection, StandbyLook first, TimeSpan replayBudget, TimeProvider time, CancellationToken cancellationToken)
    {
        if (ProcessIdentity.Find(first.StartupPid) is not { } startup || !startup.Signal(UnixSignal.Hangup) || ProcessSleep.Read(startup.Pid) is not { } sleep)
        {
            return null;
        }

        var seal = new StandbySeal(connection, time, startup, first, sleep);
        if (!await seal.WaitUntilReadAgainAsync(cancellationToken).ConfigureAwait(false)
            || !await seal.WaitUntilNothingIsReceivedAsync(cancellationToken).ConfigureAwait(false)
            || !await seal.WaitForReplayAsync(replayBudget, cancellationToken).ConfigureAwait(false))
        {
            return null;
        }

        var timeline = await StandbyLook.ReadTimelineAsync(connection, cancellationToken).ConfigureAwait(false);
        return new SealedStandby(Math.Max(timeline, first.ReceiverTimeline), seal._look.Received, seal._look.Replayed);
    }

    /// <summary>
    /// The startup process reads its configuration between any two records it replays and each time a wait for WAL ends. So it has read it when, after
    /// it took the signal, it went to sleep in such a wait, or waits on behalf of a record, or has replayed two records more.
    /// </summary>
    private async Task<bool> WaitUntilReadAgainAsync(CancellationToken cancellationToken)
    {
        Lsn? replayed = null;
        var records = 0;
        while (await LookAsync(cancellationToken).ConfigureAwait(false))
        {
            if (!_before.IsPending(UnixSignal.Hangup))
            {
                records += replayed is { } last && _look.Replayed != last ? 1 : 0;
                replayed = _look.Replayed;
                if (records >= 2 || (_oneSleep && IsWaitOfReplay(_look.StartupWaitsFor)))
                {
                    return true;
                }
            }

            await Task.Delay(Poll, _time, cancellationToken).ConfigureAwait(false);
        }

        return false;
    }

    private async Task<bool> WaitUntilNothingIsReceivedAsync(CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        while (_look.ReceiverPid != 0)
        {
            // It ends the receiver only when it needs more WAL: behind a backlog, a pause or a delay that may be never.
            if (_time.GetElapsedTime(began) > Patience)
            {
                EndReceiver();
            }

            await Task.Delay(Poll, _time, cancellationToken).ConfigureAwait(false);
            if (!await LookAsync(cancellationToken).ConfigureAwait(false))
            {
                return false;
            }
        }

        return true;
    }

    private async Task<bool> WaitForReplayAsync(TimeSpan budget, CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        (Lsn Replayed, long Switches)? nudged = null;
        while (_look.Replayed < _look.Received && _time.GetElapsedTime(began) < budget)
        {
            if (_oneSleep && _look.StartupWaitsFor == BetweenTries && !_before.IsPending(UnixSignal.Hangup))
            {
                if (nudged is { } last && last.Replayed == _look.Replayed && last.Switches < _before.Switches)
                {
                    // It looked again and found no whole record more: what was received ends in the middle of one.
                    break;
                }

                if (nudged is null || nudged.Value.Switches < _before.Switches)
                {
                    // It would look at what the receiver wrote last only after wal_retrieve_retry_interval; any signal ends that sleep.
                    nudged = (_look.Replayed, _before.Switches);
                    _startup.Signal(UnixSignal.Hangup);
                }
            }

            await Task.Delay(Poll, _time, cancellationToken).ConfigureAwait(false);
            if (!await LookAsync(cancellationToken).ConfigureAwait(false))
            {
                return false;
            }

            // Asked for before the seal and started only now, while replay is paused.
            EndReceiver();
        }

        return true;
    }

    private void EndReceiver()
    {
        if (_look.ReceiverPid != 0)
        {
            ProcessIdentity.Find(_look.ReceiverPid)?.Signal(UnixSignal.Terminate);
        }
    }

    /// <summary>Looks at the server with a look at the process before and after. False when it is no standby any more.</summary>
    private async Task<bool> LookAsync(CancellationToken cancellationToken)
    {
        if (ProcessSleep.Read(_startup.Pid) is not { } before)
        {
            return false;
        }

        _look = await StandbyLook.TakeAsync(_connection, cancellationToken).ConfigureAwait(false);
        _before = before;
        _oneSleep = before.IsAsleep && ProcessSleep.Read(_startup.Pid) is { IsAsleep: true } after && after.Switches == before.Switches;
        return _look.StartupPid == _startup.Pid;
    }

    /// <summary>A wait that begins only after the configuration was looked at, or that stands between two records.</summary>
    private static bool IsWaitOfReplay(string wait) =>
        wait is BetweenTries or "Activity RecoveryWalStream" or "Timeout RecoveryApplyDelay" or "IPC RecoveryPause"
        || wait.StartsWith("Lock ", StringComparison.Ordinal)
        || wait.StartsWith("BufferPin ", StringComparison.Ordinal)
        || wait.StartsWith("IPC RecoveryConflict", StringComparison.Ordinal);
}
