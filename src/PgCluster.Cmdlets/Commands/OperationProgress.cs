using System.Globalization;
using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary>Shows an operation's steps as progress and verbose text, and knows whether it can still be undone.</summary>
internal sealed class OperationProgress(CmdletPipeline pipeline, OperationPlan plan, string title) : IOperationObserver, IProgress<SwitchoverProgress>
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
            title,
            phase == StepPhase.Run ? step.Description : $"{phase} {step.Name}")
        {
            CurrentOperation = step.Node,
            PercentComplete = phase != StepPhase.Run ? -1 : (step.Number - 1) * 100 / Math.Max(1, plan.Steps.Count),
        });
    }

    /// <summary>How far a copy is, in place of its step.</summary>
    public void Report(SwitchoverProgress value) => pipeline.Progress(new ProgressRecord(
        ActivityId,
        title,
        string.Create(CultureInfo.InvariantCulture, $"{value.TablesDone} of {value.Tables} tables, {value.Rows} rows, {value.Bytes >> 20} of about {value.BytesExpected >> 20} MiB"))
    {
        CurrentOperation = value.CurrentTable,
        PercentComplete = value.BytesExpected > 0 ? (int)Math.Min(100, value.Bytes * 100 / value.BytesExpected) : -1,
        SecondsRemaining = value.RemainingSeconds is { } left ? (int)Math.Min(int.MaxValue, left) : -1,
    });

    /// <inheritdoc/>
    public void StepFinished(StepReport step)
    {
        var what = (step.Phase == StepPhase.Run ? "" : $"{step.Phase} of ".ToLowerInvariant()) + step.Name + (step.Node.Length > 0 ? $" ({step.Node})" : "");
        var detail = step.Detail.Length > 0 ? $": {step.Detail}" : "";
        pipeline.Verbose(string.Create(
            CultureInfo.InvariantCulture, $"{what} {(step.Succeeded ? "done" : "FAILED")} in {step.ElapsedSeconds * 1000:0.0} ms{detail}"));
    }
}
