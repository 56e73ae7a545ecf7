using PgCluster.Client;

namespace PgCluster;

/// <summary>
/// A switchover that runs in the background of this process. It ends with the process: until the flip the source stays in charge, and the next run goes on
/// with what was copied.
/// </summary>
public sealed class SwitchoverOperation : IOperationObserver, IProgress<SwitchoverProgress>, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task<OperationReport> _run;
    private volatile PlanStep? _step;
    private volatile SwitchoverProgress? _progress;

    private SwitchoverOperation(
        SwitchoverConnection switchover, ClusterConnection? cluster, PgClusterSession? own, OperationPlan plan, string why, string actor)
    {
        Plan = plan;
        _run = Task.Run(async () =>
        {
            try
            {
                await using (switchover)
                {
                    return await switchover.RunAsync(plan, cluster, why, actor, this, this, _stop.Token);
                }
            }
            finally
            {
                if (own is not null)
                {
                    await own.CloseAsync();
                }
            }
        });
    }

    /// <summary>The plan's id, which the report carries too.</summary>
    public string Id => Plan.Id;

    /// <summary>What it does.</summary>
    public OperationPlan Plan { get; }

    /// <summary>True when it is over.</summary>
    public bool IsCompleted => _run.IsCompleted;

    /// <summary>The step at hand; empty before the first.</summary>
    public string Step => _step?.Name ?? "";

    /// <summary>How far the copy is; null before it has begun.</summary>
    public SwitchoverProgress? Progress => _progress;

    /// <summary>The report; null as long as it runs, and when it could not begin.</summary>
    public OperationReport? Report => _run.IsCompletedSuccessfully ? _run.Result : null;

    /// <summary>Why it could not begin; null when it could.</summary>
    public string? Error => _run.IsFaulted ? _run.Exception!.InnerException!.Message : null;

    /// <summary>Waits for the end.</summary>
    /// <param name="timeoutSeconds">How long at most; negative for as long as it takes.</param>
    /// <returns>True when it is over.</returns>
    public bool Wait(double timeoutSeconds = -1) => ((IAsyncResult)_run).AsyncWaitHandle.WaitOne(
        timeoutSeconds < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(timeoutSeconds));

    /// <summary>Asks it to stop; not heard once the flip has begun.</summary>
    public void Cancel() => _ = _stop.CancelAsync();

    /// <inheritdoc/>
    void IOperationObserver.StepStarting(PlanStep step, StepPhase phase) => _step = step;

    /// <inheritdoc/>
    void IOperationObserver.StepFinished(StepReport step)
    {
    }

    /// <inheritdoc/>
    void IProgress<SwitchoverProgress>.Report(SwitchoverProgress value) => _progress = value;

    /// <summary>Asks it to stop when it runs still.</summary>
    public void Dispose()
    {
        Cancel();
        _stop.Dispose();
    }

    /// <summary>Begins.</summary>
    /// <param name="switchover">Is closed when it is over.</param>
    /// <param name="cluster">As of <see cref="SwitchoverConnection.RunAsync"/>; stays open.</param>
    /// <param name="own">A session that was opened for this one run: closed when it is over.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="why">Why, for the history.</param>
    /// <param name="actor">user@host of who asks.</param>
    internal static SwitchoverOperation Start(
        SwitchoverConnection switchover, ClusterConnection? cluster, PgClusterSession? own, OperationPlan plan, string why, string actor) =>
        new(switchover, cluster, own, plan, why, actor);
}
