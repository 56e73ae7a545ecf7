using PgCluster.Engine.Configuration;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Store;

namespace PgCluster.Engine.Membership;

/// <summary>What taking a cluster under management is planned from.</summary>
public sealed record InitializeFacts
{
    /// <summary>The cluster.</summary>
    public required ClusterConfig Config { get; init; }

    /// <summary>The store's health.</summary>
    public required StoreHealth Store { get; init; }

    /// <summary>Every node of the configuration: what its agent found, or why there is no answer.</summary>
    public required IReadOnlyList<SurveyedNode> Nodes { get; init; }

    /// <summary>Which database system the cluster is already; null when nobody has said so.</summary>
    public ClusterIdentity? Identity { get; init; }

    /// <summary>True while automatic failover is suspended: agents make no copies then.</summary>
    public bool Suspended { get; init; }

    /// <summary>Who leads already; null when nobody does.</summary>
    public LeaderRecord? Leader { get; init; }

    /// <summary>Who led last; null when nobody ever did.</summary>
    public LastLeader? LastLeader { get; init; }
}

/// <summary>A node and what its agent found.</summary>
/// <param name="Node">The node.</param>
/// <param name="Survey">What its agent found; null when it does not answer.</param>
/// <param name="Error">Why it does not answer.</param>
public sealed record SurveyedNode(NodeConfig Node, NodeSurvey? Survey, string Error)
{
    /// <summary>Its name.</summary>
    public string Name => Node.Name;
}
