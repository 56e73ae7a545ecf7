namespace PgCluster.Engine.Operations;

/// <summary>What a run of steps came to.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Steps">Every step and undo in the order they ended.</param>
/// <param name="Error">The first error; null when there was none.</param>
/// <param name="StartedAt">When it began.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record OperationResult(
    OperationOutcome Outcome, IReadOnlyList<StepReport> Steps, PgClusterException? Error, DateTimeOffset StartedAt, TimeSpan Elapsed);
