namespace PgCluster.Engine.Operations;

/// <summary>What a run of steps came to.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Steps">Every step and undo in the order they ended.</param>
/// <param name="Error">The first error; null when there was none.</param>
/// <param name="StartedAt">When it began.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record OperationResult(
    OperationOutcome Outcome, IReadOnlyList<StepReport> Steps, PgClusterException? Error, DateTimeOffset StartedAt, TimeSpan Elapsed)
{
    /// <summary>Seconds from the beginning of the step that paused clients to the end of the one that let them go on, or of the pause's undo; null when both were not done.</summary>
    /// <param name="pause">Name of the step that pauses.</param>
    /// <param name="resume">Name of the step that resumes.</param>
    public double? PausedSeconds(string pause, string resume)
    {
        var began = Steps.FirstOrDefault(s => s.Name == pause && s.Phase == StepPhase.Run);
        var ended = Steps.FirstOrDefault(s => s.Name == resume || (s.Name == pause && s.Phase == StepPhase.Undo));
        return began is null || ended is null ? null : ended.StartedSeconds + ended.ElapsedSeconds - began.StartedSeconds;
    }

    /// <summary>The report of a run of <paramref name="plan"/>, before what is particular to its kind.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="why">Why it was asked for.</param>
    /// <param name="actor">user@host of who asked.</param>
    public OperationReport ToReport(OperationPlan plan, string why, string actor)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return new OperationReport
        {
            Id = plan.Id,
            Kind = plan.Kind,
            Cluster = plan.Cluster,
            Node = plan.Node,
            Outcome = Outcome,
            OldPrimary = plan.From,
            NewPrimary = plan.To,
            Why = why,
            Actor = actor,
            StartedAt = StartedAt,
            DurationSeconds = Elapsed.TotalSeconds,
            Steps = Steps,
            Error = Error?.Message,
            ErrorReason = Error?.Reason,
        };
    }
}
