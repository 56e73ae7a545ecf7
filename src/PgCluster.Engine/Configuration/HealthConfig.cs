namespace PgCluster.Engine.Configuration;

/// <summary>How the observers look at the nodes and agree on who is well. How the times nest is in <see cref="BudgetRules"/>.</summary>
public sealed record HealthConfig
{
    /// <summary>Time between the end of one look at all nodes and the next.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Budget of one look at all nodes.</summary>
    public TimeSpan ProbeTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long an observer that saw a node well vouches for it.</summary>
    public TimeSpan FailoverTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an observer keeps its vote after its last look: the length of its lease.</summary>
    public TimeSpan ObserverTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How many of the observers have to agree that a node is healthy.</summary>
    public QuorumRule Quorum { get; init; } = QuorumRule.StrictMajority;
}
