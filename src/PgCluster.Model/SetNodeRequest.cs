namespace PgCluster;

/// <summary>What is to change in what a cluster knows of a node. What is null stays as it is.</summary>
public sealed record SetNodeRequest
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Rack, zone or site; empty for none.</summary>
    public string? FailureDomain { get; init; }

    /// <summary>Preference among equals; higher is taken first. Any number, negative too.</summary>
    public int? Weight { get; init; }

    /// <summary>True when the node must never be promoted.</summary>
    public bool? NoFailover { get; init; }

    /// <summary>Why, for the history.</summary>
    public string Why { get; init; } = "";

    /// <summary>user@host of who asks.</summary>
    public string Actor { get; init; } = "";
}
