namespace PgCluster.Engine.Failover;

/// <summary>What a failover would do and whether it may.</summary>
/// <param name="Plan">The plan, with every check, candidate and blocker; its steps are empty when it may not run.</param>
/// <param name="Refusal">The first check that says no; null when it may run.</param>
public sealed record FailoverAssessment(OperationPlan Plan, PreflightCheck? Refusal)
{
    /// <summary>True when it may run.</summary>
    public bool Ready => Refusal is null;

    /// <summary>The refusal as an error.</summary>
    public PgClusterException ToException()
    {
        var refusal = Refusal ?? throw new InvalidOperationException("nothing was refused");
        var others = Plan.Checks.Count(c => c.Status == CheckStatus.Failed) - 1;
        return new PgClusterException(
            refusal.Reason,
            $"{refusal.Name}: {refusal.Evidence}{(refusal.Remedy.Length > 0 ? " -- " + refusal.Remedy : "")}{(others > 0 ? $" (and {others} more: see Test-PgFailover -Detailed)" : "")}");
    }
}
