using System.Diagnostics;

namespace PgCluster.Bench.Switchover;

/// <summary>Remembers when a step of an operation began.</summary>
internal sealed class StepWatch(string name) : IOperationObserver
{
    private long _began;

    /// <summary>A timestamp of <see cref="Stopwatch"/>.</summary>
    public long Began => Interlocked.Read(ref _began);

    public void StepStarting(PlanStep step, StepPhase phase)
    {
        if (step.Name == name && phase == StepPhase.Run)
        {
            Interlocked.Exchange(ref _began, Stopwatch.GetTimestamp());
        }
    }

    public void StepFinished(StepReport step)
    {
    }
}
