namespace PgCluster;

/// <summary>A change before it happens: the run executes exactly these steps, in this order.</summary>
public sealed record OperationPlan
{
    /// <summary>Unique id; the report and the history carry it.</summary>
    public required string Id { get; init; }

    /// <summary>The kind of operation, for example failover.</summary>
    public required string Kind { get; init; }

    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>The primary before; null when there is none.</summary>
    public string? From { get; init; }

    /// <summary>The primary after; null when it does not change.</summary>
    public string? To { get; init; }

    /// <summary>The node it is about, several joined by commas; null when it is about the cluster.</summary>
    public string? Node { get; init; }

    /// <summary>True when the old primary is gone and cannot take part.</summary>
    public bool Forced { get; init; }

    /// <summary>The etcd revision the plan was made at; the run refuses when the cluster has moved on since.</summary>
    public long Revision { get; init; }

    /// <summary>The steps in order.</summary>
    public required IReadOnlyList<PlanStep> Steps { get; init => field = Indexable.Of(value); }

    /// <summary>What was looked at.</summary>
    public IReadOnlyList<PreflightCheck> Checks { get; init => field = Indexable.Of(value); } = [];

    /// <summary>Every node and whether it may take over.</summary>
    public IReadOnlyList<CandidateVerdict> Candidates { get; init => field = Indexable.Of(value); } = [];

    /// <summary>Sessions that would keep a pooler from pausing.</summary>
    public IReadOnlyList<PauseBlocker> Blockers { get; init => field = Indexable.Of(value); } = [];
}
