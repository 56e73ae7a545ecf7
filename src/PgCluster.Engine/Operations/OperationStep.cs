namespace PgCluster.Engine.Operations;

/// <summary>A step of a plan together with what carries it out.</summary>
/// <param name="Plan">The step as the plan shows it.</param>
/// <param name="RunAsync">Does it; returns what the report says of it.</param>
public sealed record OperationStep(PlanStep Plan, Func<CancellationToken, Task<string>> RunAsync)
{
    /// <summary>
    /// True when it is tried again after the point of no return, until its budget is over, while the store, an agent or a pooler does not answer: it does the same each time, and no client waits for it.
    /// </summary>
    public bool TriesAgain { get; init; }

    /// <summary>Undoes it, when a later step or the step itself fails before the point of no return; null when nothing has to be.</summary>
    public Func<CancellationToken, Task<string>>? UndoAsync { get; init; }

    /// <summary>Runs at the end in any case, after every undo of later steps; null when nothing has to be.</summary>
    public Func<CancellationToken, Task<string>>? FinallyAsync { get; init; }
}
