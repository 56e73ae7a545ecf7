namespace PgCluster.Engine.Failover;

/// <summary>What a failover would do and whether it may.</summary>
/// <param name="Plan">The plan, with every check, candidate and blocker; it has steps exactly when it may run.</param>
public sealed record FailoverAssessment(OperationPlan Plan)
{
    /// <summary>The first check that says no, as an error; null when the plan may run.</summary>
    public PgClusterException? Refusal => RefusalOf(Plan);

    /// <summary>The first check of a plan that says no, as an error; null when the plan may run.</summary>
    public static PgClusterException? RefusalOf(OperationPlan plan)
    {
        var failed = plan.Checks.Where(c => c.Status == CheckStatus.Failed).ToArray();
        if (failed is not [var first, .. var others])
        {
            return null;
        }

        var remedy = first.Remedy.Length > 0 ? $" -- {first.Remedy}" : "";
        var more = others.Length > 0 ? $" (also: {string.Join(", ", others.Select(c => c.Name))})" : "";
        return new PgClusterException(first.Reason, $"{first.Name}: {first.Evidence}{remedy}{more}") { Target = plan.To ?? plan.Node ?? plan.Cluster };
    }
}
