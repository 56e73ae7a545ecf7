using System.Globalization;
using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary>Shows a failover's steps as progress and verbose text, and knows whether it can still be undone.</summary>
internal sealed class FailoverProgress(CmdletPipeline pipeline, OperationPlan plan) : IOperationObserver
{
    private const int ActivityId = 7301;

    private volatile bool _committed;

    /// <summary>True once the point of no return has begun.</summary>
    public bool Committed => _committed;

    /// <inheritdoc/>
    public void StepStarting(PlanStep step, StepPhase phase)
    {
        _committed |= phase == StepPhase.Run && step.PointOfNoReturn;
        pipeline.Progress(new ProgressRecord(
            ActivityId,
            $"Failover of {plan.Cluster} from {plan.From ?? "nobody"} to {plan.To}",
            phase == StepPhase.Run ? step.Description : $"{phase} {step.Name}")
        {
            CurrentOperation = step.Node,
            PercentComplete = phase != StepPhase.Run ? -1 : (step.Number - 1) * 100 / Math.Max(1, plan.Steps.Count),
        });
    }

    /// <inheritdoc/>
    public void StepFinished(StepReport step)
    {
        var what = (step.Phase == StepPhase.Run ? "" : $"{step.Phase} of ".ToLowerInvariant()) + step.Name + (step.Node.Length > 0 ? $" ({step.Node})" : "");
        var detail = step.Detail.Length > 0 ? $": {step.Detail}" : "";
        pipeline.Verbose(string.Create(
            CultureInfo.InvariantCulture, $"{what} {(step.Succeeded ? "done" : "FAILED")} in {step.ElapsedSeconds * 1000:0.0} ms{detail}"));
    }
}
