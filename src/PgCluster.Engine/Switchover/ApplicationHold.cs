using Microsoft.Extensions.Logging;

namespace PgCluster.Engine.Switchover;

/// <summary>
/// Pauses and resumes one application in the order asked for, without letting the caller wait. A resume ends the pause before it at once and is tried
/// until it works: nobody may stay paused because of one error.
/// </summary>
internal sealed class ApplicationHold(IPausable application, SwitchoverLimits limits, Guid node, TimeProvider time, ILogger logger)
{
    private readonly Lock _sync = new();
    private CancellationTokenSource? _pause;
    private Task _work = Task.CompletedTask;

    /// <summary>Completes when all that was asked for is done.</summary>
    internal Task Done
    {
        get
        {
            lock (_sync)
            {
                return _work;
            }
        }
    }

    /// <summary>Begins to pause. Neither callback comes when a resume was asked for meanwhile.</summary>
    internal void Pause(Action paused, Action<string> failed)
    {
        lock (_sync)
        {
            _pause ??= new CancellationTokenSource();
            _work = PauseAsync(_work, paused, failed, _pause.Token);
        }
    }

    /// <summary>Begins to resume, when a pause was asked for since the last time.</summary>
    internal void Resume(CancellationToken giveUp)
    {
        lock (_sync)
        {
            if (_pause is not null)
            {
                _work = ResumeAsync(_work, _pause, giveUp);
                _pause = null;
            }
        }
    }

    private async Task PauseAsync(Task before, Action paused, Action<string> failed, CancellationToken ended)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        using var budget = new CancellationTokenSource(limits.PauseTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ended, budget.Token);
        try
        {
            either.Token.ThrowIfCancellationRequested();

            // An application that ignores its token must not hold up its own resume.
            await application.PauseAsync(either.Token).WaitAsync(either.Token).ConfigureAwait(false);
            if (!ended.IsCancellationRequested)
            {
                SwitchoverNodeLog.Paused(logger, node);
                paused();
            }
        }
        catch (Exception exception)
        {
            if (!ended.IsCancellationRequested)
            {
                var error = budget.IsCancellationRequested ? $"not paused within {limits.PauseTimeout}" : exception.Message;
                SwitchoverNodeLog.WorkFailed(logger, node, "pausing the application", error);
                failed(error);
            }
        }
    }

    private async Task ResumeAsync(Task before, CancellationTokenSource pause, CancellationToken giveUp)
    {
        await pause.CancelAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        pause.Dispose();
        while (true)
        {
            try
            {
                await application.ResumeAsync(giveUp).ConfigureAwait(false);
                SwitchoverNodeLog.Resumed(logger, node);
                return;
            }
            catch (Exception exception) when (!giveUp.IsCancellationRequested)
            {
                SwitchoverNodeLog.ResumeFailed(logger, node, exception.Message);
            }

            await Task.Delay(limits.PollInterval, time, giveUp).ConfigureAwait(false);
        }
    }
}
